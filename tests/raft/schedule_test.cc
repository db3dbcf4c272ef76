// Thousands of random schedules keep Raft's promises, and each switchable bug breaks one of them
// within a bounded number of schedules.
#include "schedule.h"

#include <gtest/gtest.h>

#include "base/bugs.h"

namespace lockstep::raft::test {
namespace {

constexpr std::uint64_t kSteps = 400;
constexpr std::uint64_t kStepsToFallBehind = 1200;  // ... what others compact meanwhile
constexpr std::uint64_t kSchedules = 3000;
constexpr std::uint64_t kHuntMax = 20000;

void expect_promises_kept(Focus focus) {
  const std::uint64_t steps = focus == Focus::images ? kStepsToFallBehind : kSteps;
  ScheduleResult total;
  for (std::uint64_t seed = 1; seed <= kSchedules; ++seed) {
    const ScheduleResult result = run_schedule(seed, steps, focus);
    ASSERT_FALSE(result.violation) << "seed " << seed << ": " << *result.violation;
    total.elections += result.elections;
    total.committed += result.committed;
    total.reads += result.reads;
    total.changes += result.changes;
    total.images += result.images;
  }
  // The schedules are worth something only if things happen in them.
  EXPECT_GT(total.elections, kSchedules * 2);
  EXPECT_GT(total.committed, kSchedules * 5);
  EXPECT_GT(total.reads, kSchedules / 2);
  EXPECT_GT(total.changes, kSchedules / 20);
  EXPECT_GT(total.images, focus == Focus::images ? kSchedules / 5 : kSchedules / 100);
}

TEST(Schedule, keeps_every_promise) {
  expect_promises_kept(Focus::anything);
}

TEST(Schedule, keeps_every_promise_while_members_come_and_go) {
  expect_promises_kept(Focus::membership);
}

TEST(Schedule, keeps_every_promise_while_logs_are_compacted) {
  expect_promises_kept(Focus::images);
}

TEST(Schedule, same_seed_gives_the_same_life) {
  const ScheduleResult first = run_schedule(7, kSteps, Focus::anything);
  const ScheduleResult second = run_schedule(7, kSteps, Focus::anything);
  EXPECT_EQ(first.elections, second.elections);
  EXPECT_EQ(first.committed, second.committed);
  EXPECT_EQ(first.reads, second.reads);
}

struct Hunt {
  Bug bug;
  Focus focus = Focus::anything;
};

class BugIsFound : public testing::TestWithParam<Hunt> {
 protected:
  void SetUp() override { switch_bug_on(GetParam().bug); }
  void TearDown() override { switch_bug_on(Bug::none); }
};

// A stuck cluster does not count: the bug must be seen by its harm.
TEST_P(BugIsFound, as_broken_safety) {
  for (std::uint64_t seed = 1; seed <= kHuntMax; ++seed) {
    const ScheduleResult result = run_schedule(seed, kSteps, GetParam().focus);
    if (!result.violation || result.violation->starts_with("stuck")) continue;
    RecordProperty("schedules", static_cast<int>(seed));
    RecordProperty("violation", *result.violation);
    return;
  }
  FAIL() << bug_name(GetParam().bug) << " was not found";
}

INSTANTIATE_TEST_SUITE_P(
    Core, BugIsFound,
    testing::Values(Hunt{Bug::commit_older_term}, Hunt{Bug::vote_before_sync},
                    Hunt{Bug::append_ack_before_sync}, Hunt{Bug::leader_counts_unsynced},
                    Hunt{Bug::truncate_matching}, Hunt{Bug::keep_conflicting_tail},
                    Hunt{Bug::vote_by_index_only}, Hunt{Bug::stale_vote_counted},
                    Hunt{Bug::pre_vote_frees_vote}, Hunt{Bug::read_without_quorum},
                    Hunt{Bug::read_before_own_commit},
                    Hunt{Bug::change_before_own_commit, Focus::membership},
                    Hunt{Bug::config_on_commit_only, Focus::membership},
                    Hunt{Bug::learner_counted, Focus::membership}),
    [](const auto& tested) { return std::string(bug_name(tested.param.bug)); });

}  // namespace
}  // namespace lockstep::raft::test
