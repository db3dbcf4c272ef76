// Dramas of repair: a node with a damaged log or database, and what must not keep it from getting
// whole again.
#include "base/bugs.h"
#include "tests/sim/storage_drama.h"

namespace lockstep::sim {
namespace {

class RepairDrama : public StorageDrama {
 protected:
  // A follower has entries that nobody else will ever have, and one of their batches is damaged:
  // the others give it other entries, and then an image.
  void tell_with_delay(Duration delay, std::uint64_t seed) {
    Swarm swarm = calm_swarm();
    swarm.nodes = 3;
    swarm.network.delay_min = swarm.network.delay_max = delay;
    swarm.node.raft.election_timeout = seconds(6);
    swarm.node.raft.heartbeat_interval = seconds(1);
    world.emplace(seed, swarm);
    world->start();
    ASSERT_TRUE(converge(*world, seconds(120))) << violation();
    ASSERT_TRUE(set_up(*world, seconds(60)));
    const std::size_t rotten = *world->leader();
    world->network().split(std::uint64_t{1} << rotten);
    for (int i = 0; i < 3; ++i) write(rotten, 1, 100 + i);
    world->crash(rotten, {}, std::nullopt);
    world->run_until([&] { return world->leader().has_value(); }, seconds(60));
    ASSERT_TRUE(world->leader());
    for (int i = 0; i < 6; ++i)
      world->run_until([&] { return write(*world->leader(), 1, i); }, seconds(9));
    const auto log = batches(rotten);
    ASSERT_GT(log.size(), 2u);
    flip_bit(rotten, log[log.size() - 2], storage::kBatchHeaderBytes + 15);
    world->network().heal(false);
    world->start_machine(rotten);
    ASSERT_TRUE(world->machine(rotten).repairing());
    whole_ = world->run_until([&] { return world->machine(rotten).running(); }, seconds(60));
    EXPECT_EQ(violation(), "");
  }
  bool whole_ = false;
};

// An answer that comes just before the time to ask again, and is refused just after it.
TEST_F(RepairDrama, goes_on_after_entries_that_are_refused_while_its_timer_runs) {
  for (const bool lost : {true, false}) {
    switch_bug_on(lost ? Bug::repair_timer_lost : Bug::none);
    int whole = 0;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      tell_with_delay(microseconds(249'940), seed);
      if (whole_) ++whole;
    }
    if (lost)
      EXPECT_LT(whole, 3);
    else
      EXPECT_EQ(whole, 3);
  }
}

TEST_F(RepairDrama, takes_answers_that_are_longer_on_their_way_than_it_waits_to_ask_again) {
  tell_with_delay(milliseconds(400), 1);
  EXPECT_TRUE(whole_);
}

// Nobody else knows what this node has voted: there is nothing to ask for, and so it says what is
// wrong instead of repairing nothing, again and again.
TEST_F(RepairDrama, node_without_a_vote_file_that_can_be_read_does_not_try) {
  begin(3);
  const std::size_t bad = follower();
  world->crash(bad, {}, std::nullopt);
  for (const std::uint64_t slot : {0, 4096})
    world->machine(bad).disk().flip_bit("vote", slot + 20, 0);
  const Status started = world->machine(bad).start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().text.find("vote"), std::string::npos) << started.error().text;
}

}  // namespace
}  // namespace lockstep::sim
