// The linearizability checker on stories told by hand: what counts as valid, what the explanation
// says, and when it admits not to know.
#include <gtest/gtest.h>

#include "sim/check_linear.h"
#include "tests/check/random_history.h"

namespace lockstep::check {
namespace {

Operation write(std::uint64_t client, const char* value, std::int64_t called,
                std::int64_t returned) {
  Operation o;
  o.client = client;
  o.kind = Kind::write;
  o.key = "x";
  o.value = value;
  o.called = called;
  o.returned = returned;
  o.outcome = returned == kOpen ? Outcome::info : Outcome::ok;
  return o;
}
Operation read(std::uint64_t client, Value value, std::int64_t called, std::int64_t returned) {
  Operation o = write(client, "", called, returned);
  o.kind = Kind::read;
  o.value = std::move(value);
  return o;
}
LinearResult check(std::vector<Operation> operations, const Limits& limits = {}) {
  const History history{.operations = std::move(operations), .log = {}, .unit = TimeUnit::event};
  const auto result = check_linear(history, Model::cas_register, std::nullopt, limits);
  EXPECT_TRUE(result) << result.error().text;
  return result ? *result : LinearResult{.verdict = Verdict::unknown, .reason = {}, .failure = {}};
}

TEST(Linear, an_operation_nobody_saw_end_may_happen_late_or_never) {
  const Operation open = write(1, "1", 0, kOpen);
  EXPECT_EQ(check({open, read(2, std::nullopt, 10, 11)}).verdict, Verdict::valid);
  EXPECT_EQ(check({open, read(2, std::nullopt, 10, 11), read(2, "1", 20, 21)}).verdict,
            Verdict::valid);
  EXPECT_EQ(check({open, read(2, "1", 10, 11), read(2, std::nullopt, 20, 21)}).verdict,
            Verdict::invalid);
}

TEST(Linear, equal_moments_are_concurrent) {
  EXPECT_EQ(check({write(1, "1", 0, 5), read(2, std::nullopt, 5, 6)}).verdict, Verdict::valid);
  EXPECT_EQ(check({write(1, "1", 0, 5), read(2, std::nullopt, 6, 7)}).verdict, Verdict::invalid);
}

TEST(Linear, a_failed_write_never_happened) {
  Operation failed = write(1, "1", 0, 5);
  failed.outcome = Outcome::fail;
  EXPECT_EQ(check({failed, read(2, std::nullopt, 6, 7)}).verdict, Verdict::valid);
  EXPECT_EQ(check({failed, read(2, "1", 1, 7)}).verdict, Verdict::invalid);
}

TEST(Linear, a_cas_that_missed_says_what_the_value_was_not) {
  Operation missed = read(2, "5", 6, 7);
  missed.kind = Kind::cas;
  missed.matched = false;
  missed.expected = "1";
  EXPECT_EQ(check({write(1, "1", 0, 5), missed}).verdict, Verdict::invalid);
  EXPECT_EQ(check({write(1, "1", 0, 5), write(3, "2", 1, kOpen), missed}).verdict, Verdict::valid);
}

TEST(Linear, the_explanation_names_the_read_and_what_it_could_have_been) {
  std::vector<Operation> story;
  for (std::int64_t i = 0; i < 40; ++i) {  // Noise that has no part in it.
    story.push_back(write(3, i % 2 == 0 ? "7" : "8", 10 * i, 10 * i + 5));
    story.push_back(read(4, i % 2 == 0 ? "7" : "8", 10 * i + 6, 10 * i + 7));
  }
  story.push_back(write(1, "3", 1000, 1001));
  story.push_back(write(2, "4", 1010, 1011));
  story.push_back(read(7, "3", 1020, 1030));
  const LinearResult result = check(story);
  ASSERT_EQ(result.verdict, Verdict::invalid);
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->failed, 82u);
  EXPECT_EQ(result.failure->core, (std::vector<std::uint32_t>{80, 81, 82}));
  EXPECT_EQ(result.failure->words,
            "Key x: read(x) = 3 by client 7, level linearizable, event 1020 to event 1030\n"
            "fits in no order of the operations before it.\n"
            "When it returned the state could only be: one that no later operation looks for\n"
            "Operations that show it (3):\n"
            "    write(x, 3) by client 1, event 1000 to event 1001\n"
            "    write(x, 4) by client 2, event 1010 to event 1011\n"
            "  * read(x) = 3 by client 7, level linearizable, event 1020 to event 1030\n");
}

TEST(Linear, a_value_out_of_nowhere_is_said_to_be_one) {
  const LinearResult result = check({write(1, "1", 0, 1), read(2, "9", 2, 3)});
  ASSERT_TRUE(result.failure);
  EXPECT_NE(result.failure->words.find("Nobody can have written"), std::string::npos);
  EXPECT_EQ(result.failure->core, std::vector<std::uint32_t>{1});
}

TEST(Linear, hitting_a_limit_is_unknown_and_says_why) {
  Rng rng(1);
  const History history = random_history(rng, {.model = Model::reg,
                                               .operations = 400,
                                               .clients = 12,
                                               .info_percent = 2,
                                               .wrong_percent = 0});
  Limits limits{.steps_max = 10, .stop = {}};
  auto result = check_linear(history, Model::reg, std::nullopt, limits);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->verdict, Verdict::unknown);
  EXPECT_NE(result->reason.find("steps"), std::string::npos) << result->reason;
  limits = {.stop = [] { return true; }};
  result = check_linear(history, Model::reg, std::nullopt, limits);
  ASSERT_TRUE(result);
  EXPECT_NE(result->verdict, Verdict::invalid);
  result = check_linear(history, Model::reg, std::nullopt);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->verdict, Verdict::valid);
}

TEST(Linear, too_many_open_operations_are_unknown) {
  std::vector<Operation> crowd;
  for (std::uint64_t i = 0; i < kSlotsMax + 1; ++i) crowd.push_back(write(i, "1", 0, 10));
  const LinearResult result = check(crowd);
  EXPECT_EQ(result.verdict, Verdict::unknown);
  EXPECT_NE(result.reason.find("257 operations"), std::string::npos) << result.reason;
}

TEST(Linear, histories_that_cannot_be_are_refused) {
  const auto error = [](Operation o) {
    const History history{.operations = {std::move(o)}, .log = {}, .unit = TimeUnit::event};
    return !check_linear(history, Model::reg, std::nullopt).has_value();
  };
  EXPECT_TRUE(error(write(1, "1", 10, 5)));
  Operation endless = write(1, "1", 10, kOpen);
  endless.outcome = Outcome::ok;
  EXPECT_TRUE(error(endless));
  Operation append = write(1, "1", 1, 5);
  append.kind = Kind::append;
  EXPECT_TRUE(error(append));
}

}  // namespace
}  // namespace lockstep::check
