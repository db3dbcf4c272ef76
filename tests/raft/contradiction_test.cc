// A quorum whose disks went back may elect a leader that contradicts what is committed here. No
// honest cluster comes to that; the core changes nothing, and says so.
#include <gtest/gtest.h>

#include "raft/core.h"

namespace lockstep::raft {
namespace {

constexpr TimePoint kStart{};

Recovered committed_log() {
  Recovered recovered;
  for (const char* id : {"a", "b", "c"}) recovered.base_membership.put({NodeId{id}, id, true});
  recovered.hard.term = Term{1};
  recovered.terms = {Term{1}, Term{1}, Term{1}};
  recovered.sizes = {1, 1, 1};
  recovered.commit = LogIndex{3};
  return recovered;
}

Options options_of(const char* self, std::uint64_t jump = 0) {
  Options options;
  options.self = NodeId{self};
  options.first_term_jump_max = jump;
  return options;
}

TEST(Contradiction, committed_entries_stay_and_the_host_is_told) {
  Core core(options_of("a"), 1, committed_log(), kStart);
  Effects effects;
  core.start(kStart, effects);
  const Entry other{
      .term = Term{4}, .index = LogIndex{2}, .kind = EntryKind::noop, .payload = Blob()};
  core.receive(kStart,
               {.from = NodeId{"b"},
                .to = NodeId{"a"},
                .term = Term{5},
                .body = Append{.prev = {LogIndex{1}, Term{1}}, .count = 1, .entries = {other}}},
               effects);
  EXPECT_TRUE(effects.contradicted);
  EXPECT_EQ(core.last_index(), LogIndex{3});
  EXPECT_EQ(core.commit(), LogIndex{3});
  EXPECT_EQ(core.term_at(LogIndex{2}), Term{1});
}

TEST(Contradiction, first_campaign_of_a_life_draws_a_term_ahead_and_later_ones_do_not) {
  std::vector<Term> first;
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    Core core(options_of("a", 1u << 16), seed, committed_log(), kStart);
    Effects effects;
    core.start(kStart, effects);
    const auto campaign = [&](TimePoint now) {
      const Term term = core.term().next();
      core.receive(now,
                   {.from = NodeId{"b"},
                    .to = NodeId{"a"},
                    .term = core.term(),
                    .body = Append{.prev = {LogIndex{3}, Term{1}}}},
                   effects);
      core.receive(
          now, {.from = NodeId{"b"}, .to = NodeId{"a"}, .term = core.term(), .body = TimeoutNow{}},
          effects);
      EXPECT_EQ(core.role(), Role::candidate);
      return core.term().value - term.value;
    };
    EXPECT_LT(campaign(kStart), 1u << 16);
    first.push_back(core.term());
    // Somebody else has won meanwhile.
    core.receive(kStart,
                 {.from = NodeId{"b"},
                  .to = NodeId{"a"},
                  .term = core.term().next(),
                  .body = Append{.prev = {LogIndex{3}, Term{1}}}},
                 effects);
    EXPECT_EQ(campaign(kStart), 0u);
  }
  EXPECT_NE(first[0], first[1]);
}

}  // namespace
}  // namespace lockstep::raft
