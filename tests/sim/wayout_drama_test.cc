// Dramas of states that had no way out: disks that hang or are full, clocks that were set back,
// founders that wait for ever, recoveries that cannot be.
#include "tests/sim/member_drama.h"
#include "tests/sim/storage_drama.h"

namespace lockstep::sim {
namespace {

using Level = check::Level;

class WayOut : public MemberDrama {
 protected:
  bool another_leads_when_the_disk_hangs() {
    begin(3);
    const std::size_t ill = *world->leader();
    EXPECT_TRUE(write(ill, 1, 1));
    world->machine(ill).set_disk_speed({.sync_min = seconds(3600), .sync_max = seconds(3601)});
    write((ill + 1) % 3, 1, 2);
    if (!until([&] { return world->leader() && *world->leader() != ill; }, seconds(30)))
      return false;
    EXPECT_TRUE(write((ill + 1) % 3, 1, 3));
    return true;
  }
  // Three founders; n3 dies when all have founded, n4 joins and leads, n3 comes back and hears it
  // before it hears from its fellow founders. Whether it calls an election when it is alone.
  bool founder_that_heard_a_stranger_lead_calls_elections() {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      Swarm swarm = calm_swarm();
      swarm.nodes = 4;
      swarm.expect = true;
      swarm.node.expect.patience = seconds(1000);
      world.emplace(seed, swarm);
      world->on_start = [this](std::size_t, node::NodeOptions& options) {
        options.join.clear();
        options.expect.members = 3;
        for (std::size_t each : {0u, 1u, 2u})
          options.join.push_back(world->machine(each).raft_address());
      };
      for (std::size_t i : {0u, 1u, 2u}) world->start_machine(i);
      const bool begun = until(
          [&] {
            if (!runs(0) || !runs(1) || !runs(2)) return false;
            return core(0).role() == raft::Role::pre_candidate ||
                   core(1).role() == raft::Role::pre_candidate ||
                   core(2).role() != raft::Role::follower;
          },
          seconds(20));
      if (!begun || core(2).role() != raft::Role::follower || core(2).term() != Term{1} ||
          core(2).durable_index() < LogIndex{1})
        continue;
      world->crash(2, {}, std::nullopt);
      EXPECT_TRUE(until([&] { return world->leader().has_value(); }, seconds(20))) << violation();
      EXPECT_TRUE(set_up(*world, seconds(10))) << violation();
      world->start_machine(3);
      EXPECT_TRUE(until([&] { return is_voter(3); }, seconds(30))) << world->progress_text();
      world->run_for(seconds(1));
      hand_over_to_stranger(3);
      world->network().set_cut(2, 3, true);
      world->start_machine(2);
      world->run_for(milliseconds(600));
      world->network().heal(false);
      EXPECT_TRUE(until([&] { return runs(2) && core(2).leader() == id(3); }));
      EXPECT_TRUE(until([&] { return core(2).commit() == core(3).commit(); }));
      world->network().split(0b0100);
      return until([&] { return core(2).role() == raft::Role::pre_candidate; }, seconds(60));
    }
    ADD_FAILURE() << "no seed shows it";
    return false;
  }
  void hand_over_to_stranger(std::size_t machine) {
    world->machine(*world->leader()).as_step([to = id(machine)](node::Node& node) {
      node.transfer_leadership(to, [](Status) {});
    });
    EXPECT_TRUE(until([&] { return world->leader() == machine; })) << world->progress_text();
    EXPECT_TRUE(write(machine, 1, 1));
  }
};

TEST_F(WayOut, leader_with_a_hung_disk_hands_over) {
  EXPECT_TRUE(another_leads_when_the_disk_hangs()) << world->progress_text();
  EXPECT_EQ(violation(), "");
}

TEST_F(WayOut, bug_hung_disk_leads_answers_nobody) {
  const BugOn bug(Bug::hung_disk_leads);
  EXPECT_FALSE(another_leads_when_the_disk_hangs());
}

TEST_F(WayOut, founder_that_heard_a_stranger_lead_is_a_member_like_others) {
  EXPECT_TRUE(founder_that_heard_a_stranger_lead_calls_elections());
}

TEST_F(WayOut, bug_held_elections_leak_silences_it) {
  const BugOn bug(Bug::held_elections_leak);
  EXPECT_FALSE(founder_that_heard_a_stranger_lead_calls_elections());
}

TEST_F(WayOut, lone_node_without_room_for_its_log_serves_reads) {
  Swarm swarm = calm_swarm();
  swarm.nodes = 1;
  swarm.node.checkpoint_wal_bytes = 64u << 10;
  begin(swarm, 1);
  for (std::int64_t value = 1; value <= 60; ++value) ASSERT_TRUE(write(0, 1, value));
  world->set_full(0, true);
  std::int64_t last = 60;
  for (std::int64_t value = 100; value < 160; ++value)
    if (write(0, 1, value)) last = value;
  world->run_for(seconds(10));
  ASSERT_TRUE(status(0).disk_full);
  for (const Level level : {Level::none, Level::weak, Level::linearizable})
    EXPECT_EQ(read(0, 1, level), std::to_string(last));
  world->set_full(0, false);
  world->run_for(seconds(2));
  EXPECT_TRUE(write(0, 1, 999));
}

// Writes bore a time that was far ahead; the clock was set right. Time goes on from there.
TEST_F(WayOut, clock_that_was_set_back_does_not_stand_still) {
  for (const std::size_t nodes : {1u, 3u}) {
    begin(nodes);
    const std::size_t leader = *world->leader();
    const Term before = core(leader).term();
    world->machine(leader).jump_wall(std::int64_t{365} * 86'400'000);
    ASSERT_TRUE(write(leader, 1, 1));
    world->machine(leader).jump_wall(std::int64_t{-365} * 86'400'000);
    ASSERT_TRUE(write(leader, 1, 2));
    ASSERT_TRUE(until([&] { return world->leader() && core(*world->leader()).term() > before; }))
        << "a leader's stamps do not go back in its term";
    ASSERT_TRUE(until([&] { return write(*world->leader(), 1, 3); }));
    EXPECT_EQ(violation(), "");
  }
}

TEST_F(WayOut, recovery_names_no_node_without_data) {
  begin(3);
  for (std::size_t i = 0; i < 3; ++i) world->crash(i, {}, std::nullopt);
  world->lose_disk(2, seconds(1000), false);
  raft::Membership left;
  for (const char* each : {"n2", "n3"}) left.put({NodeId{each}, std::string(each) + ":4002"});
  world->recover_with(2, left);
  world->start_machine(2);
  EXPECT_TRUE(violation().contains("peers.json: this node holds nothing to go on with"))
      << violation();
}

TEST_F(WayOut, recovery_names_no_node_that_was_being_let_in) {
  Swarm swarm = calm_swarm();
  swarm.nodes = 3;
  swarm.node.raft.message_bytes_max = 200;
  swarm.node.raft.inflight_bytes_max = 400;
  begin(swarm, 1);
  for (std::int64_t value = 1; value <= 60; ++value) ASSERT_TRUE(write(*world->leader(), 1, value));
  hand_over_to(0);
  world->lose_disk(2, milliseconds(10), true);
  ASSERT_TRUE(until([&] { return runs(2) && core(2).durable_index() > LogIndex{10}; }));
  ASSERT_TRUE(core(2).is_fenced());
  for (std::size_t i = 0; i < 3; ++i) world->crash(i, {}, std::nullopt);
  raft::Membership left;
  for (const char* each : {"n2", "n3"}) left.put({NodeId{each}, std::string(each) + ":4002"});
  world->recover_with(2, left);
  world->start_machine(2);
  EXPECT_TRUE(violation().contains("peers.json: this node was being let into the cluster"))
      << violation();
}

// Those who were left out when the cluster went on without them are strangers from then on.
TEST_F(WayOut, recovered_cluster_has_another_name_and_ignores_who_was_left_out) {
  begin(3);
  ASSERT_TRUE(write(*world->leader(), 1, 1));
  ASSERT_TRUE(converge(*world, seconds(5)));
  const ClusterId old = status(1).cluster;
  for (std::size_t i = 0; i < 3; ++i) world->crash(i, {}, std::nullopt);
  raft::Membership left;
  left.put({NodeId{"n2"}, "n2:4002"});
  world->recover_with(1, left);
  world->start_machine(1);
  ASSERT_TRUE(until([&] { return runs(1) && status(1).ready && !status(1).recovering; }));
  const ClusterId recovered = status(1).cluster;
  EXPECT_NE(recovered, old);
  // Cut short, and done once more, it comes to the same.
  world->crash(1, {.power = true, .loss = Loss::all}, std::nullopt);
  world->start_machine(1);
  ASSERT_TRUE(until([&] { return runs(1) && status(1).ready; }));
  EXPECT_EQ(status(1).cluster, recovered);
  world->recover_with(1, std::nullopt);
  ASSERT_TRUE(write(1, 1, 2));
  world->start_machine(0);
  world->run_for(seconds(5));
  ASSERT_EQ(violation(), "");
  ASSERT_TRUE(runs(0));
  EXPECT_EQ(status(0).cluster, old);
  EXPECT_GT(status(1).turned_away.foreign, 0u);
  EXPECT_EQ(core(1).role(), raft::Role::leader);
  EXPECT_EQ(violation(), "");
  EXPECT_EQ(read(1, 1, Level::none), "2");
}

// Once the cluster has moved on, the same file says something new, and names another cluster.
TEST_F(WayOut, second_recovery_by_the_same_file_names_another_cluster) {
  begin(3);
  ASSERT_TRUE(converge(*world, seconds(5)));
  raft::Membership left;
  left.put({NodeId{"n1"}, "n1:4002"});
  std::vector<ClusterId> names;
  for (int times = 0; times < 2; ++times) {
    for (std::size_t i = 0; i < 3; ++i) world->crash(i, {}, std::nullopt);
    for (const std::size_t each : {1u, 2u}) world->lose_disk(each, seconds(1000), false);
    world->recover_with(0, left);
    world->start_machine(0);
    ASSERT_TRUE(until([&] { return runs(0) && status(0).ready && !status(0).recovering; }));
    names.push_back(status(0).cluster);
    world->recover_with(0, std::nullopt);
    for (const std::size_t each : {1u, 2u}) world->start_machine(each);
    ASSERT_TRUE(until([&] { return is_voter(1) && is_voter(2); }, seconds(20)))
        << world->progress_text();
  }
  EXPECT_NE(names[0], names[1]);
}

class Readiness : public StorageDrama {
 protected:
  // Whether a node that takes an image over says ready before it has what was committed by then.
  bool ready_behind_its_image() {
    begin(3, 1);
    const std::size_t leader = *world->leader();
    const std::size_t lagging = follower();
    world->crash(lagging, {}, std::nullopt);
    write_many(leader, 50);
    snapshot_everywhere();
    LogIndex committed;  // when it opens again with its image
    world->on_reopen = [&](std::size_t) {
      committed = world->machine(leader).node().core().commit();
    };
    bool pinned = false;
    world->network().watch([&](std::size_t, std::string_view bytes) {
      const auto frame = wire::decode_frame(bytes);
      pinned = pinned || (frame && std::holds_alternative<wire::ImageReply>(frame->body));
    });
    world->machine(lagging).set_disk_speed(
        {.sync_min = milliseconds(100), .sync_max = milliseconds(200)});
    world->start_machine(lagging);
    world->run_until([&] { return pinned; }, seconds(10));
    write_many(leader, 20);
    const auto ready = [&] {
      const Machine& machine = world->machine(lagging);
      return committed > LogIndex{} && machine.running() && machine.node().status().ready;
    };
    EXPECT_TRUE(world->run_until(ready, seconds(20))) << world->progress_text();
    return world->machine(lagging).node().applied() < committed;
  }
};

TEST_F(Readiness, node_with_an_image_is_ready_once_it_has_what_came_after) {
  EXPECT_FALSE(ready_behind_its_image());
}

TEST_F(Readiness, bug_ready_behind_image_says_so_before) {
  const BugOn bug(Bug::ready_behind_image);
  EXPECT_TRUE(ready_behind_its_image());
}

}  // namespace
}  // namespace lockstep::sim
