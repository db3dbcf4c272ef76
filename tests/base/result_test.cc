// TRY and TRY_ASSIGN: they pass the very Error up, evaluate their expression once, and go on with
// the value otherwise, also for values that can only be moved.
#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace lockstep {
namespace {

Result<int> parse(bool good, int& calls) {
  ++calls;
  if (!good) return fail(Errc::invalid, "not a number");
  return 21;
}

Status check(bool good, int& calls) {
  TRY(parse(good, calls));
  ++calls;
  return {};
}

Result<std::string> twice(bool good, int& calls) {
  TRY_ASSIGN(const int value, parse(good, calls));
  TRY_ASSIGN(const int other, parse(good, calls));
  return std::to_string(value + other);
}

Result<std::unique_ptr<int>> make(bool good) {
  if (!good) return fail(Errc::no_space, "full");
  return std::make_unique<int>(5);
}

Result<int> unwrap(bool good) {
  TRY_ASSIGN(const std::unique_ptr<int> owned, make(good));
  return *owned;
}

TEST(Result, try_goes_on_after_success) {
  int calls = 0;
  EXPECT_TRUE(check(true, calls).has_value());
  EXPECT_EQ(calls, 2);
}

TEST(Result, try_returns_the_error_at_once) {
  int calls = 0;
  const Status status = check(false, calls);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Errc::invalid);
  EXPECT_EQ(status.error().text, "not a number");
  EXPECT_EQ(calls, 1);
}

TEST(Result, try_assign_binds_the_value) {
  int calls = 0;
  const auto result = twice(true, calls);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(*result, "42");
  EXPECT_EQ(calls, 2);
}

TEST(Result, try_assign_converts_the_type_but_not_the_error) {
  int calls = 0;
  const auto result = twice(false, calls);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().text, "not a number");
  EXPECT_EQ(calls, 1);
}

TEST(Result, try_assign_moves_what_cannot_be_copied) {
  EXPECT_EQ(unwrap(true).value_or(0), 5);
  const auto failed = unwrap(false);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, Errc::no_space);
}

TEST(Result, try_is_one_statement) {
  // An unbraced if must take the whole macro.
  const auto run = [](bool go) -> Status {
    if (go)
      TRY(Status(fail(Errc::io, "gone")));
    else
      return fail(Errc::stale, "else branch");
    return {};
  };
  EXPECT_EQ(run(true).error().code, Errc::io);
  EXPECT_EQ(run(false).error().code, Errc::stale);
}

}  // namespace
}  // namespace lockstep
