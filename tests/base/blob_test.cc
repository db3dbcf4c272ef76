// Blob: shared, immutable bytes that compare by contents and outlive the first owner.
#include "base/blob.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace lockstep {
namespace {

using std::string_literals::operator""s;

TEST(Blob, default_is_empty) {
  const Blob blob;
  EXPECT_EQ(blob.size(), 0u);
  EXPECT_EQ(blob.view(), "");
  EXPECT_EQ(blob, Blob(""));
}

TEST(Blob, keeps_every_byte) {
  const Blob blob("a\0b\xff"s);
  EXPECT_EQ(blob.size(), 4u);
  EXPECT_EQ(blob.view(), "a\0b\xff"s);
}

TEST(Blob, copies_share_one_allocation) {
  const Blob first(std::string(100, 'x'));
  const Blob second = first;  // NOLINT: the copy is the point
  EXPECT_EQ(first.view().data(), second.view().data());
}

TEST(Blob, outlives_its_first_owner) {
  std::optional<Blob> first(Blob(std::string(100, 'x')));
  const Blob second = *first;
  first.reset();
  EXPECT_EQ(second.view(), std::string(100, 'x'));
}

TEST(Blob, compares_contents) {
  EXPECT_EQ(Blob("same"), Blob("same"));
  EXPECT_FALSE(Blob("same") == Blob("other"));
  EXPECT_FALSE(Blob("same") == Blob());
}

}  // namespace
}  // namespace lockstep
