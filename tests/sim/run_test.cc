#include "sim/run.h"

#include <gtest/gtest.h>

#include "base/bugs.h"

namespace lockstep::sim {
namespace {

TEST(RunSeed, the_same_seed_gives_the_same_hash) {
  for (const std::uint64_t seed : {3, 4, 5}) {
    const SeedReport first = run_seed(seed, {});
    const SeedReport other = run_seed(seed + 100, {});
    const SeedReport again = run_seed(seed, {});
    EXPECT_EQ(first.hash, again.hash) << "seed " << seed;
    EXPECT_NE(first.hash, other.hash);
    EXPECT_EQ(first.violation.has_value(), false)
        << first.violation->rule << ": " << first.violation->text;
  }
}

TEST(RunSeed, text_does_not_change_the_run) {
  std::size_t lines = 0;
  const SeedReport silent = run_seed(9, {});
  const SeedReport loud = run_seed(9, {.text = [&lines](std::string_view) { ++lines; }});
  EXPECT_EQ(silent.hash, loud.hash);
  EXPECT_GT(lines, 100U);
}

TEST(RunSeed, clients_get_something_done) {
  std::uint64_t ok = 0;
  std::uint64_t strikes = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SeedReport report = run_seed(seed, {});
    for (const auto& count : report.counts) ok += count.ok;
    strikes += report.strikes;
  }
  EXPECT_GT(ok, 200U);
  EXPECT_GT(strikes, 5U);
}

// One bug here, so that the whole chain from node to oracle is seen to work; ci/ sweeps them all.
TEST(RunSeed, an_acknowledgement_before_commit_is_found) {
  switch_bug_on(Bug::ack_before_commit);
  bool found = false;
  for (std::uint64_t seed = 1; seed <= 100 && !found; ++seed) {
    found = run_seed(seed, {}).violation.has_value();
  }
  switch_bug_on(Bug::none);
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace lockstep::sim
