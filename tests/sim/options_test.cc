// The command line of lockstep-sim: what is accepted, and what is bad usage.
#include "sim/sim_options.h"

#include <gtest/gtest.h>

#include "sim/report.h"

namespace lockstep::sim {
namespace {

TEST(SimOptions, reads_seeds_and_ranges) {
  const auto one = parse_sim_options({"--seed", "42"});
  ASSERT_TRUE(one);
  EXPECT_TRUE(one->single);
  EXPECT_EQ(one->first_seed, 42U);
  const auto many = parse_sim_options({"--seeds=1..1000", "--jobs", "2", "--twice"});
  ASSERT_TRUE(many);
  EXPECT_EQ(many->first_seed, 1U);
  EXPECT_EQ(many->last_seed, 1000U);
  EXPECT_EQ(many->jobs, 2U);
  EXPECT_TRUE(many->twice);
}

TEST(SimOptions, refuses_what_it_does_not_know) {
  for (const std::vector<std::string>& bad : std::vector<std::vector<std::string>>{
           {},
           {"--seed"},
           {"--seed", "x"},
           {"--seeds", "9..1"},
           {"--seeds", "1..2x"},
           {"--bug", "no_such_bug", "--seed", "1"},
           {"--jobs", "0", "--seed", "1"},
           {"--frob"},
           {"--seeds", "1..2", "--verbose"},
       }) {
    EXPECT_FALSE(parse_sim_options(bad));
  }
}

TEST(SimOptions, the_replay_command_parses_to_the_same_run) {
  const auto options = parse_sim_options({"--seeds", "1..9", "--bug", "forward_retried"});
  ASSERT_TRUE(options);
  EXPECT_EQ(replay_command(*options, 7), "lockstep-sim --seed 7 --bug forward_retried");
}

TEST(SeedReport, survives_the_pipe) {
  SeedReport report;
  report.seed = 5;
  report.hash = 0x0123456789abcdef;
  report.counts[2] = {.ok = 1, .failed = 2, .unknown = 3};
  report.staleness.stale[1] = 9;
  report.violation = Violation{.rule = "rule", .text = "text", .when = TimePoint{} + seconds(3)};
  const auto back = decode_report(encode(report));
  ASSERT_TRUE(back);
  EXPECT_EQ(encode(*back), encode(report));
  EXPECT_EQ(back->violation->rule, "rule");
  EXPECT_TRUE(describe(*back).ends_with("hash 0123456789abcdef\n"));
}

TEST(SweepReport, keeps_the_smallest_violated_seed_and_warns_without_teeth) {
  SweepReport sum;
  for (std::uint64_t seed = 200; seed > 0; --seed) {
    SeedReport report;
    report.seed = seed;
    if (seed == 17 || seed == 90) report.violation = Violation{.rule = "r", .text = "t"};
    sum.add(report);
  }
  EXPECT_EQ(sum.violated, 2U);
  EXPECT_EQ(sum.first_violated->seed, 17U);
  EXPECT_NE(describe(sum).find("warning: no stale read"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::sim
