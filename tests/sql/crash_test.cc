// Power is cut at every mutating disk call of a scenario of batches, durable points and
// checkpoints, with readers holding old snapshots at times and, in some, with the writer going on
// in the middle of them. After the restart the database must be exactly the state its manifest
// names, that state must be one we were promised, and replaying the rest, in other batches (in one
// case of three), must end where an undisturbed run ends.
#include <gtest/gtest.h>

#include "base/bugs.h"
#include "tests/sql/scenario.h"

namespace lockstep::sql {
namespace {

enum class Verdict { completed, exact, wrong };

struct Trial {
  Verdict verdict = Verdict::wrong;
  std::uint64_t applied_beside = 0;
  std::string story;
};

Trial wrong(std::string story) {
  return {.verdict = Verdict::wrong, .applied_beside = 0, .story = std::move(story)};
}

// What a restart finds, and where it leads.
Trial judge(const Scenario& scenario, HookDisk& disk, std::uint64_t promised, Rng rng) {
  auto database = Database::open(disk, options_of(scenario, 4));
  if (!database) return wrong(database.error().text);
  const std::uint64_t found = (*database)->status().applied.value;
  if (found < promised)
    return wrong("promised " + std::to_string(promised) + ", found " + std::to_string(found));
  if ((*database)->content_hash() != scenario.content[found])
    return wrong("not the content at entry " + std::to_string(found));
  if (!rng.chance(1, 3)) return {.verdict = Verdict::exact, .applied_beside = 0, .story = ""};
  Life life(scenario, disk, **database, rng, {});
  if (!life.run() || (*database)->content_hash() != scenario.content.back())
    return wrong("replay from " + std::to_string(found) + " ends elsewhere " + life.story);
  return {.verdict = Verdict::exact, .applied_beside = 0, .story = ""};
}

// Cuts the power after `operations`, in a quarter of the cases once more during recovery.
Trial trial(const Scenario& scenario, LifeOptions options, std::uint64_t operations) {
  Rng rng = Rng(scenario.seed).derive("trial", operations);
  sim::SimDisk below(rng.derive("disk"));
  HookDisk disk(below);
  std::uint64_t promised = 0;
  std::uint64_t applied_beside = 0;
  below.crash_after(operations);
  {
    auto database = Database::open(disk, options_of(scenario, 1));
    std::string story;
    if (database) {
      Life life(scenario, disk, **database, Rng(scenario.seed).derive("life"), options);
      if (life.run()) return {.verdict = Verdict::completed, .applied_beside = 0, .story = ""};
      promised = life.promised;
      applied_beside = life.applied_beside;
      story = life.story;
    }
    if (!below.dead() || !story.empty()) return wrong("failed before the disk did: " + story);
  }
  crash(below, rng);
  if (rng.chance(1, 4)) {
    below.crash_after(rng.below(12));
    {
      auto again = Database::open(disk, options_of(scenario, 2));
    }
    crash(below, rng);
  }
  Trial judged = judge(scenario, disk, promised, rng.derive("second life"));
  judged.applied_beside = applied_beside;
  return judged;
}

struct Tally {
  int crashes = 0;
  int wrong = 0;
  std::uint64_t applied_beside = 0;
  std::string first_story;
};

Tally crash_everywhere(const Scenario& scenario, LifeOptions options, std::uint64_t stride) {
  Tally tally;
  for (std::uint64_t operations = 0;; operations += stride) {
    const Trial tried = trial(scenario, options, operations);
    if (tried.verdict == Verdict::completed) return tally;
    ++tally.crashes;
    tally.applied_beside = std::max(tally.applied_beside, tried.applied_beside);
    if (tried.verdict == Verdict::exact) continue;
    ++tally.wrong;
    if (tally.first_story.empty())
      tally.first_story = "crash after " + std::to_string(operations) + ": " + tried.story;
  }
}

class Crash : public testing::TestWithParam<int> {};

TEST_P(Crash, is_exact_at_every_disk_call) {
  const Scenario scenario = make_scenario(static_cast<std::uint64_t>(GetParam()), 30);
  const Tally tally = crash_everywhere(scenario, {}, 1);
  count_crashes("between jobs", static_cast<std::uint64_t>(tally.crashes));
  RecordProperty("crashes", tally.crashes);
  EXPECT_GT(tally.crashes, 50);
  EXPECT_EQ(tally.wrong, 0) << tally.first_story;
}

TEST_P(Crash, is_exact_with_the_writer_going_on_in_the_middle) {
  const Scenario scenario = make_scenario(static_cast<std::uint64_t>(GetParam()) + 100, 40);
  const Tally tally = crash_everywhere(scenario, {.writer_beside = true}, 1);
  count_crashes("writer beside", static_cast<std::uint64_t>(tally.crashes));
  RecordProperty("crashes", tally.crashes);
  EXPECT_GT(tally.crashes, 50);
  EXPECT_GT(tally.applied_beside, 3u);
  EXPECT_EQ(tally.wrong, 0) << tally.first_story;
}

INSTANTIATE_TEST_SUITE_P(Seeds, Crash, testing::Range(1, 11));

TEST(Crash, switchable_bugs_are_caught) {
  for (const Bug bug : {Bug::wal_not_synced, Bug::applied_apart_from_data, Bug::main_not_synced,
                        Bug::partial_checkpoint_done}) {
    int found = 0;
    for (std::uint64_t seed = 1; seed <= 6 && found == 0; ++seed) {
      const Scenario scenario = make_scenario(seed, 36);
      switch_bug_on(bug);
      found = crash_everywhere(scenario, {.writer_beside = seed % 2 == 0}, 7).wrong;
      switch_bug_on(Bug::none);
    }
    EXPECT_GT(found, 0) << bug_name(bug);
  }
}

}  // namespace
}  // namespace lockstep::sql
