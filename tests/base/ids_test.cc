// Ids and times: arithmetic, order, and that one kind never passes for another.
#include "base/ids.h"

#include <gtest/gtest.h>

#include <concepts>
#include <type_traits>

#include "base/time.h"

namespace lockstep {
namespace {

static_assert(!std::is_convertible_v<Term, LogIndex> && !std::is_convertible_v<LogIndex, Term>);
static_assert(!std::is_convertible_v<LogIndex, Ticket> && !std::is_convertible_v<Ticket, Term>);
static_assert(!std::is_convertible_v<LogIndex, std::uint64_t>);
static_assert(!std::equality_comparable_with<Term, LogIndex>);

TEST(LogIndex, counts_in_half_open_ranges) {
  const LogIndex first{3};
  EXPECT_EQ(first.next(), LogIndex{4});
  EXPECT_EQ(first.prev(), LogIndex{2});
  EXPECT_EQ(first + 5, LogIndex{8});
  EXPECT_EQ(LogIndex{8} - first, 5u);
  EXPECT_EQ(first - first, 0u);
  EXPECT_EQ((first + 5) - first, 5u);
  EXPECT_EQ(LogIndex{}.next(), LogIndex{1});
}

TEST(LogIndex, is_ordered_as_its_number) {
  EXPECT_LT(LogIndex{1}, LogIndex{2});
  EXPECT_GT(LogIndex{~0ULL}, LogIndex{1});
  EXPECT_LE(LogIndex{2}, LogIndex{2});
}

TEST(Term, starts_before_any_election) {
  EXPECT_EQ(Term{}.value, 0u);
  EXPECT_EQ(Term{}.next(), Term{1});
  EXPECT_LT(Term{9}, Term{10});
}

TEST(Ids, print_as_their_value) {
  EXPECT_EQ(to_string(Term{18446744073709551615U}), "18446744073709551615");
  EXPECT_EQ(to_string(LogIndex{12}), "12");
  EXPECT_EQ(to_string(Ticket{3}), "3");
  EXPECT_EQ(to_string(NodeId{"node-1"}), "node-1");
}

TEST(NodeId, is_ordered_by_bytes) {
  EXPECT_LT(NodeId{"1"}, NodeId{"10"});
  EXPECT_LT(NodeId{"10"}, NodeId{"2"});
  EXPECT_EQ(NodeId{"a"}, NodeId{"a"});
}

TEST(Time, never_is_after_every_deadline) {
  const TimePoint start{};
  EXPECT_LT(start + std::chrono::hours(24 * 365 * 200), kNever);
  EXPECT_EQ((start + milliseconds(5)) - start, microseconds(5000));
}

TEST(WallTime, is_ordered_also_before_the_epoch) {
  EXPECT_LT(WallTime{-1}, WallTime{0});
}

}  // namespace
}  // namespace lockstep
