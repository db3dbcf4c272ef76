#include "node/seen_requests.h"

#include <gtest/gtest.h>

#include <string>

namespace lockstep::node {
namespace {

constexpr std::uint64_t kRun = std::uint64_t{7} << 32;
const NodeId kSender{"a"};

TEST(SeenRequests, each_id_comes_first_once_in_any_order) {
  SeenRequests seen;
  for (const std::uint64_t count : {1, 3, 2, 5, 4})
    EXPECT_TRUE(seen.first_time(kSender, kRun + count));
  for (const std::uint64_t count : {1, 3, 2, 5, 4})
    EXPECT_FALSE(seen.first_time(kSender, kRun + count));
  EXPECT_TRUE(seen.first_time(NodeId{"b"}, kRun + 1));
  EXPECT_TRUE(seen.first_time(kSender, kRun + (std::uint64_t{1} << 32) + 1));
}

TEST(SeenRequests, what_is_too_old_to_be_remembered_counts_as_seen) {
  SeenRequests seen;
  EXPECT_TRUE(seen.first_time(kSender, kRun + 10'000));
  EXPECT_FALSE(seen.first_time(kSender, kRun + 10'000 - 4096));
  EXPECT_TRUE(seen.first_time(kSender, kRun + 10'000 - 4095));
}

// From shortly before the count is used up until long after.
TEST(SeenRequests, go_on_when_the_count_carries_into_the_run) {
  SeenRequests seen;
  const std::uint64_t first = kRun + 0xffff'ffff - 10'000;
  for (std::uint64_t id = first; id < first + 20'000; ++id) {
    ASSERT_TRUE(seen.first_time(kSender, id)) << id - first;
    ASSERT_FALSE(seen.first_time(kSender, id)) << id - first;
    if (id == first) continue;
    ASSERT_FALSE(seen.first_time(kSender, id - 1)) << id - first;
  }
}

// Restarts elsewhere do not make it forget a run that is in use.
TEST(SeenRequests, a_run_in_use_outlives_many_others) {
  SeenRequests seen;
  EXPECT_TRUE(seen.first_time(kSender, kRun + 1));
  for (std::uint64_t run = 100; run < 300; ++run) {
    EXPECT_TRUE(seen.first_time(NodeId{"b"}, run << 32));
    EXPECT_TRUE(seen.first_time(kSender, kRun + run));
    EXPECT_FALSE(seen.first_time(kSender, kRun + 1));
  }
}

}  // namespace
}  // namespace lockstep::node
