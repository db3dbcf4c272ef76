// Dramas of nodes that form a cluster by themselves (-bootstrap-expect): one cluster, whatever is
// lost, cut off, killed or wiped meanwhile. That no second one exists is what the oracles see: the
// founding entry has the same bytes on every disk, and each term one leader.
#include <functional>
#include <map>
#include <vector>

#include "tests/sim/drama.h"

namespace lockstep::sim {
namespace {

using Level = check::Level;

class FoundingDrama : public Drama {
 protected:
  // A world that has not begun: the dramas start its machines as they like.
  void prepare(std::size_t nodes, std::uint64_t seed, Duration patience = seconds(1'000),
               const std::function<void(Swarm&)>& change = {}) {
    Swarm swarm = calm_swarm();
    swarm.nodes = nodes;
    swarm.expect = true;
    swarm.node.expect.patience = patience;
    if (change) change(swarm);
    world.emplace(seed, swarm);
  }
  [[nodiscard]] const raft::Membership& members(std::size_t machine) {
    return world->machine(machine).node().core().membership();
  }
  // Nothing is there yet: no founding, not even begun.
  [[nodiscard]] bool is_empty(std::size_t machine) { return members(machine).members.empty(); }
  // Each machine is given these as the founders, itself among them.
  void list(std::size_t machine, std::vector<std::size_t> founders) {
    lists_[machine] = std::move(founders);
    world->on_start = [this](std::size_t number, node::NodeOptions& options) {
      if (!lists_.contains(number)) return;
      options.join.clear();
      options.expect.members = lists_[number].size();
      for (const std::size_t each : lists_[number])
        options.join.push_back(world->machine(each).raft_address());
    };
  }
  bool forms() { return converge(*world, seconds(30)) && set_up(*world, seconds(10)); }
  bool until(const std::function<bool()>& holds, Duration bound = seconds(10)) {
    return world->run_until(holds, bound);
  }

 private:
  std::map<std::size_t, std::vector<std::size_t>> lists_;
};

TEST_F(FoundingDrama, nodes_that_expect_each_other_form_one_cluster) {
  for (const std::size_t nodes : {2u, 3u, 5u}) {
    prepare(nodes, nodes);
    world->start();
    ASSERT_TRUE(forms()) << violation();
    for (std::size_t i = 0; i < nodes; ++i) {
      EXPECT_EQ(members(i).voter_count(), nodes);
      EXPECT_TRUE(write(i, 1, 7)) << violation();
    }
    // No change of members was needed for it: the founding entry names them all.
    EXPECT_EQ(world->machine(0).node().core().membership_index(), LogIndex{1});
  }
}

TEST_F(FoundingDrama, nothing_is_founded_before_the_last_one_is_there) {
  prepare(3, 1);
  world->start_machine(0);
  world->start_machine(2);
  world->run_for(seconds(20));
  EXPECT_TRUE(is_empty(0));
  EXPECT_TRUE(is_empty(2));
  EXPECT_FALSE(world->leader());
  world->start_machine(1);
  ASSERT_TRUE(forms()) << violation();
}

TEST_F(FoundingDrama, a_lossy_network_only_delays_it) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    prepare(seed % 2 == 0 ? 3 : 5, seed, seconds(1'000), [](Swarm& swarm) {
      swarm.network.loss_per_10k = 4'000;
      swarm.network.double_per_10k = 2'000;
      swarm.network.straggler_per_10k = 2'000;
      swarm.network.straggler_max = milliseconds(1'500);
    });
    world->start();
    ASSERT_TRUE(until([&] { return world->converged(); }, seconds(120))) << violation();
    world->heal();
    ASSERT_TRUE(forms()) << "seed " << seed << ": " << violation();
  }
}

// Whatever a founder was doing when it died, and whatever its disk kept of that.
TEST_F(FoundingDrama, crashes_and_cuts_while_it_forms_never_make_two) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    prepare(3, seed);
    Rng rng(seed);
    world->start();
    for (int strike = 0; strike < 8; ++strike) {
      world->run_for(Duration(rng.below(250'000'000)));
      const std::size_t machine = rng.below(3);
      const auto loss = static_cast<Loss>(rng.below(5));
      const Duration restart(rng.below(500'000'000));
      switch (rng.below(4)) {
        case 0:
          world->crash(machine, {.power = true, .loss = loss}, restart);
          break;
        case 1:
          world->crash_in_job(machine, rng.below(6), {.power = true, .loss = loss}, restart);
          break;
        case 2:
          world->network().split(std::uint64_t{1} << machine);
          break;
        default:
          world->network().heal(false);
      }
    }
    world->heal();
    ASSERT_TRUE(forms()) << "seed " << seed << ": " << violation() << world->progress_text();
    EXPECT_EQ(members(0).voter_count(), 3u);
  }
}

// The moment that matters: one has founded, and another that said it would has not.
TEST_F(FoundingDrama, a_founder_calls_no_election_before_all_have_founded) {
  bool seen = false;
  for (std::uint64_t seed = 1; seed <= 20 && !seen; ++seed) {
    prepare(3, seed);
    world->start();
    const auto founded = [&] {
      std::size_t count = 0;
      for (std::size_t i = 0; i < 3; ++i) count += is_empty(i) ? 0 : 1;
      return count;
    };
    ASSERT_TRUE(until([&] { return founded() > 0; })) << violation();
    if (founded() == 3) continue;
    std::size_t late = 0;
    while (!is_empty(late)) ++late;
    seen = true;
    world->crash(late, {}, std::nullopt);
    std::size_t first = 0;
    while (first == late || is_empty(first)) ++first;
    // The third has founded too, or cannot without an answer; in both cases they wait.
    world->run_for(seconds(10));
    EXPECT_FALSE(world->leader());
    EXPECT_EQ(world->machine(first).node().core().term(), Term{1});
    // Those that wait may be started again: they wait on.
    for (std::size_t i = 0; i < 3; ++i)
      if (i != late) world->crash(i, {.power = true, .loss = Loss::all}, milliseconds(10));
    world->run_for(seconds(5));
    EXPECT_FALSE(world->leader());
    world->start_machine(late);
    ASSERT_TRUE(forms()) << violation();
    EXPECT_EQ(members(late).voter_count(), 3u);
  }
  EXPECT_TRUE(seen);
}

TEST_F(FoundingDrama, restarts_with_the_same_flags_change_nothing) {
  prepare(3, 4);
  world->start();
  ASSERT_TRUE(forms()) << violation();
  ASSERT_TRUE(write(0, 1, 5));
  for (std::size_t i = 0; i < 3; ++i)
    world->crash(i, {.power = true, .loss = Loss::all}, milliseconds(20));
  ASSERT_TRUE(converge(*world, seconds(10))) << violation();
  EXPECT_EQ(read(1, 1, Level::linearizable), "5");
  EXPECT_EQ(members(0).voter_count(), 3u);
}

// One that lost its disk finds the others in a cluster: it is no founder, and no member either
// until it has been removed. With the others cut off it founds nothing at all.
TEST_F(FoundingDrama, a_member_that_lost_its_disk_founds_no_second_cluster) {
  prepare(3, 5);
  world->start();
  ASSERT_TRUE(forms()) << violation();
  ASSERT_TRUE(write(0, 1, 5));
  const std::size_t lost = *world->leader() == 0 ? 1 : 0;
  world->network().split(std::uint64_t{1} << lost);
  world->lose_disk(lost, milliseconds(50), false);
  world->run_for(seconds(10));
  EXPECT_TRUE(is_empty(lost));
  world->network().heal(false);
  world->run_for(seconds(10));
  EXPECT_TRUE(is_empty(lost));
  world->lose_disk(lost, milliseconds(50), true);
  ASSERT_TRUE(until([&] { return world->converged(); }, seconds(30))) << violation();
  EXPECT_EQ(read(lost, 1, Level::none), "5");
}

// Two of three lose their disks while the third, which holds everything, cannot be heard; what they
// were told by it before does not count.
TEST_F(FoundingDrama, a_majority_that_lost_its_disks_founds_nothing_behind_the_back_of_the_third) {
  prepare(3, 6);
  world->start();
  ASSERT_TRUE(forms()) << violation();
  ASSERT_TRUE(write(0, 1, 5));
  world->crash(2, {}, std::nullopt);
  for (const std::size_t i : {0u, 1u}) world->lose_disk(i, milliseconds(50), false);
  world->run_for(seconds(10));
  EXPECT_TRUE(is_empty(0));
  EXPECT_TRUE(is_empty(1));
  world->start_machine(2);
  world->run_for(seconds(10));
  EXPECT_TRUE(is_empty(0));
  EXPECT_TRUE(is_empty(1));
  EXPECT_FALSE(world->leader());
  EXPECT_EQ(violation(), "");
}

// A disk that is lost before anybody was elected: nothing was promised, so it may found again.
TEST_F(FoundingDrama, a_founder_that_lost_its_disk_before_the_first_election_founds_again) {
  bool seen = false;
  for (std::uint64_t seed = 1; seed <= 20 && !seen; ++seed) {
    prepare(3, seed);
    world->start();
    ASSERT_TRUE(until([&] { return !is_empty(0); })) << violation();
    world->network().split(0b001);
    world->run_for(seconds(2));
    if (world->leader()) continue;  // Legal: all had founded before the cut.
    seen = true;
    world->lose_disk(0, milliseconds(50), false);
    world->run_for(seconds(2));
    EXPECT_TRUE(is_empty(0));
    world->network().heal(false);
    ASSERT_TRUE(forms()) << violation();
  }
  EXPECT_TRUE(seen);
}

TEST_F(FoundingDrama, learners_and_late_nodes_join_what_was_founded) {
  prepare(3, 8, seconds(1'000), [](Swarm& swarm) { swarm.learner = true; });
  world->start();
  ASSERT_TRUE(forms()) << violation();
  EXPECT_EQ(members(3).voter_count(), 3u);
  EXPECT_EQ(members(3).members.size(), 4u);
}

// The same flags everywhere, and two nodes more than the list names: they join.
TEST_F(FoundingDrama, who_is_not_in_the_list_joins_and_founds_nothing) {
  prepare(5, 10);
  for (std::size_t i = 0; i < 5; ++i) list(i, {0, 1, 2});
  world->start_machine(0);
  world->start_machine(3);
  world->start_machine(4);
  world->run_for(seconds(10));
  for (const std::size_t i : {0u, 3u, 4u}) EXPECT_TRUE(is_empty(i));
  world->start_machine(1);
  world->start_machine(2);
  ASSERT_TRUE(forms()) << violation();
  EXPECT_EQ(members(4).voter_count(), 5u);
  EXPECT_GT(world->machine(0).node().core().membership_index(), LogIndex{1});
}

// Any two of these lists have two nodes in common: sets that are not the same found nothing.
TEST_F(FoundingDrama, nodes_with_different_lists_found_nothing) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    prepare(4, seed);
    list(0, {0, 1, 2});
    list(1, {0, 1, 2});
    list(2, {1, 2, 3});
    list(3, {1, 2, 3});
    world->start();
    world->run_for(seconds(5));
    EXPECT_EQ(violation(), "");
    for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(is_empty(i)) << "n" << i + 1;
  }
}

// The operator corrects a list while others act on the old one. Whatever was founded by then, no
// two sets get a leader.
TEST_F(FoundingDrama, changed_lists_never_make_two) {
  std::size_t formed = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    prepare(4, seed);
    Rng rng(seed);
    for (std::size_t i = 0; i < 4; ++i) list(i, {0, 1, 2});
    world->start();
    for (int change = 0; change < 6; ++change) {
      world->run_for(Duration(rng.below(300'000'000)));
      const std::size_t machine = rng.below(4);
      list(machine, rng.chance(1, 2) ? std::vector<std::size_t>{1, 2, 3}
                                     : std::vector<std::size_t>{0, 1, 2});
      world->crash(machine, {}, Duration(rng.below(100'000'000)));
    }
    world->run_for(seconds(10));
    EXPECT_EQ(violation(), "") << "seed " << seed;
    formed += world->leader() ? 1 : 0;
  }
  EXPECT_GT(formed, 10u);
}

// What the others said to an earlier life arrives when that life's disk is gone: it is no answer to
// this one, and proves nothing.
TEST_F(FoundingDrama, answers_to_a_life_that_is_over_do_not_count) {
  prepare(3, 11);
  world->start_machine(1);
  world->start_machine(2);
  world->run_for(milliseconds(100));
  world->start_machine(0);
  // It asks every 200 ms, and the others do in between. What they answer when all have founded is
  // held up.
  const TimePoint begun = world->now();
  ASSERT_TRUE(until([&] { return !is_empty(0) && !is_empty(1) && !is_empty(2); })) << violation();
  const Duration since = world->now() - begun;
  const Duration rest = milliseconds(200) - since % milliseconds(200);
  world->run_for(rest - milliseconds(5));
  const TimePoint late = world->now() + seconds(5);
  for (const std::size_t from : {1u, 2u}) world->network().clog(from, 0, late);
  world->run_for(milliseconds(30));
  for (const std::size_t from : {1u, 2u}) world->network().clog(from, 0, world->now());
  ASSERT_FALSE(world->leader());
  world->run_for(milliseconds(120));
  // From here on it asks nobody any more, and nobody hears it.
  for (const std::size_t to : {1u, 2u}) world->network().set_cut(0, to, true);
  ASSERT_TRUE(until([&] {
    return world->leader() &&
           world->machine(*world->leader()).node().core().commit() >= LogIndex{2};
  })) << violation();
  ASSERT_LT(world->now(), late);
  world->lose_disk(0, milliseconds(50), false);
  EXPECT_FALSE(until([&] { return world->machine(0).running() && !is_empty(0); }));
  EXPECT_EQ(violation(), "");
  EXPECT_GT(world->now(), late);
}

// One of the addresses is this node's own under another name: its question comes back to it.
TEST_F(FoundingDrama, a_list_may_name_the_node_itself) {
  prepare(3, 12);
  for (std::size_t i = 0; i < 3; ++i) list(i, {0, 1, 2});
  world->start();
  ASSERT_TRUE(forms()) << violation();
}

TEST_F(FoundingDrama, a_cluster_that_does_not_form_in_time_ends_the_nodes) {
  prepare(3, 9, seconds(5));
  world->start_machine(0);
  world->run_for(seconds(8));
  EXPECT_EQ(violation(),
            "node stopped without a fault: n1: boot timeout: no cluster has formed: n2:4002 does "
            "not answer; n3:4002 does not answer");
  prepare(3, 9, seconds(5));
  list(2, {1, 2});
  world->start();
  world->run_for(seconds(8));
  EXPECT_TRUE(violation().contains("node n3 at n3:4002 expects a cluster of n2 (n2:4002), n3") ||
              violation().contains("does not see all others"))
      << violation();
}

// A node that joins may vote once it holds what was committed when it was let in. If that was told
// several times, because the network lost it, the last time counts: made a voter before, it would
// be asked for a vote that it may not give yet by a leader that has to be elected to send it the
// rest.
TEST_F(FoundingDrama, node_is_made_a_voter_only_when_it_may_vote) {
  Swarm swarm = calm_swarm();
  swarm.nodes = 2;
  swarm.node.raft.message_bytes_max = 200;
  world.emplace(1, swarm);
  world->network().set_cut(0, 1, true);
  world->start();
  ASSERT_TRUE(until([&] { return world->leader().has_value(); }));
  ASSERT_TRUE(set_up(*world, seconds(5)));
  ASSERT_TRUE(until([&] { return members(0).members.size() == 2; }));
  // Let in, and not told so: nothing reaches it, while more is committed.
  for (std::int64_t value = 1; value <= 50; ++value) ASSERT_TRUE(write(0, 1, value));
  const LogIndex told = world->machine(0).node().core().commit();
  const auto held = [&] { return world->machine(1).node().core().durable_index(); };
  world->network().set_cut(0, 1, false);
  ASSERT_TRUE(until([&] { return held() > LogIndex{20}; }));
  world->network().set_cut(0, 1, true);
  world->run_for(milliseconds(200));
  ASSERT_LT(held(), told);
  // Alone the first one still is a quorum.
  world->crash(0, {.power = true, .loss = Loss::all}, milliseconds(1));
  ASSERT_TRUE(until([&] { return world->leader() == 0; })) << world->progress_text();
  EXPECT_EQ(read(0, 1, Level::linearizable), "50");
  world->network().heal(false);
  ASSERT_TRUE(converge(*world, seconds(10))) << violation();
  EXPECT_EQ(members(1).voter_count(), 2u);
}

}  // namespace
}  // namespace lockstep::sim
