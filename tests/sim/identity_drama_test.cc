// Dramas of who is who: names and addresses that are given twice, clusters that are strangers to
// each other, members that move, and disks that go back.
#include "tests/sim/member_drama.h"

namespace lockstep::sim {
namespace {

using Level = check::Level;

class IdentityDrama : public MemberDrama {
 protected:
  // n1 loses its disk and is started again with the command line it always had: without -join.
  void lose_first_disk() {
    begin(3);
    ASSERT_TRUE(write(*world->leader(), 1, 1));
    hand_over_to(1);
    world->lose_disk(0, milliseconds(50), false);
  }
  // Whether the node that was moved while the other one was down is understood when that comes
  // back.
  bool goes_on_with_the_one_that_knows_only_an_old_address() {
    begin(3);
    hand_over_to(1);
    world->crash(2, {}, std::nullopt);
    world->move_machine(0, milliseconds(50));
    if (!until([&] { return runs(0) && address(0) == "n1:4003"; })) return false;
    world->machine(1).as_step(
        [](node::Node& node) { node.transfer_leadership(NodeId{"n1"}, [](Status) {}); });
    if (!until([&] { return world->leader() == 0; })) return false;
    world->crash(1, {}, std::nullopt);
    // It was told to join nobody, so all it knows is its log.
    world->on_start = [](std::size_t machine, node::NodeOptions& options) {
      if (machine == 2) options.join.clear();
    };
    world->start_machine(2);
    return until([&] { return world->leader() && write(*world->leader(), 1, 2); });
  }
  bool comes_back_from_an_older_disk() {
    begin(3);
    hand_over_to(0);
    world->keep_disk(2);
    for (std::int64_t value = 1; value <= 20; ++value) EXPECT_TRUE(write(0, 1, value));
    EXPECT_TRUE(converge(*world, seconds(5)));
    world->roll_back_disk(2, milliseconds(50));
    return until([&] { return runs(2) && status(2).ready && is_voter(2) && world->converged(); },
                 seconds(20));
  }
};

TEST_F(IdentityDrama, first_node_without_its_disk_founds_nothing_and_serves_nothing) {
  lose_first_disk();
  ASSERT_TRUE(until([&] { return runs(0) && !status(0).out_of_service.empty(); }));
  world->run_for(seconds(3));
  EXPECT_FALSE(status(0).ready);
  EXPECT_TRUE(status(0).cluster.is_nil()) << "it founded nothing";
  for (const Level level : {Level::none, Level::weak, Level::linearizable, Level::strong})
    EXPECT_EQ(read(0, 1, level), "");
  EXPECT_FALSE(write(0, 1, 9));
  EXPECT_TRUE(write(1, 1, 2));
  EXPECT_EQ(read(2, 1, Level::linearizable), "2");
  EXPECT_EQ(violation(), "");
}

// The log names the way: remove it, empty its folder, let it join.
TEST_F(IdentityDrama, first_node_without_its_disk_comes_back_as_its_log_says) {
  lose_first_disk();
  ASSERT_TRUE(until([&] { return runs(0) && !status(0).out_of_service.empty(); }));
  remove(1, 0, false);
  ASSERT_TRUE(until([&] { return removals_.size() == 1; }));
  ASSERT_TRUE(removals_[0]) << removals_[0].error().text;
  world->on_start = [this](std::size_t machine, node::NodeOptions& options) {
    if (machine == 0) options.join = {world->machine(1).raft_address()};
  };
  world->lose_disk(0, milliseconds(50), false);
  ASSERT_TRUE(until([&] { return runs(0) && status(0).ready; })) << world->progress_text();
  EXPECT_EQ(read(0, 1, Level::linearizable), "1");
  ASSERT_TRUE(converge(*world, seconds(10))) << violation();
}

// All were down, and it was the first to be back: it served for a while. What it took stays its
// own.
TEST_F(IdentityDrama, what_a_first_node_took_alone_never_mixes_with_its_old_cluster) {
  begin(3);
  ASSERT_TRUE(write(*world->leader(), 1, 1));
  for (std::size_t i = 0; i < 3; ++i) world->crash(i, {}, std::nullopt);
  world->lose_disk(0, milliseconds(50), false);
  ASSERT_TRUE(until([&] { return runs(0) && status(0).ready; }));
  const ClusterId own = status(0).cluster;
  world->start_machine(1);
  world->start_machine(2);
  ASSERT_TRUE(until([&] { return !status(0).out_of_service.empty(); }));
  ASSERT_TRUE(until([&] { return world->leader().has_value(); })) << world->progress_text();
  ASSERT_TRUE(until([&] { return status(1).ready && status(2).ready; }));
  ASSERT_TRUE(write(1, 1, 2));
  for (std::size_t i : {1u, 2u}) EXPECT_EQ(read(i, 1, Level::linearizable), "2");
  EXPECT_EQ(read(0, 1, Level::none), "");
  EXPECT_EQ(status(0).cluster, own);
  EXPECT_NE(status(1).cluster, own);
  EXPECT_GT(status(1).turned_away.foreign + status(0).turned_away.foreign, 0u);
  EXPECT_EQ(violation(), "");
}

TEST_F(IdentityDrama, bug_foreign_frames_believed_mixes_two_clusters) {
  const BugOn bug(Bug::foreign_frames_believed);
  begin(3);
  for (std::int64_t value = 1; value <= 10; ++value) ASSERT_TRUE(write(*world->leader(), 1, value));
  for (std::size_t i = 0; i < 3; ++i) world->crash(i, {}, std::nullopt);
  world->lose_disk(0, milliseconds(50), false);
  ASSERT_TRUE(until([&] { return runs(0) && status(0).role == raft::Role::leader; }));
  world->start_machine(1);
  world->start_machine(2);
  // Its log is short, and coincides with theirs in index and term: they feed it, or it aborts.
  until([&] { return status(0).role != raft::Role::leader; }, seconds(5));
  EXPECT_NE(status(0).role, raft::Role::leader) << "a stranger's word counted";
}

TEST_F(IdentityDrama, node_with_data_of_another_cluster_joins_none_and_says_why) {
  Swarm swarm = calm_swarm();
  swarm.nodes = 3;
  world.emplace(1, swarm);
  world->start_machine(0);
  world->start_machine(1);
  ASSERT_TRUE(until([&] { return runs(1) && status(1).ready && is_voter(1); }));
  ASSERT_TRUE(set_up(*world, seconds(5))) << violation();
  // Started once by mistake, without -join.
  world->on_start = [](std::size_t machine, node::NodeOptions& options) {
    if (machine == 2) options.join.clear();
  };
  world->start_machine(2);
  ASSERT_TRUE(until([&] { return status(2).ready; }));
  ASSERT_NE(status(2).cluster, status(0).cluster);
  world->crash(2, {}, std::nullopt);
  world->on_start = nullptr;
  world->start_machine(2);
  ASSERT_FALSE(until([&] { return false; }, seconds(10)));
  EXPECT_TRUE(violation().contains("n3: could not join the cluster: node n3 belongs to cluster"))
      << violation();
  EXPECT_EQ(status(0).role, raft::Role::leader);
  EXPECT_EQ(core(0).membership().members.size(), 2u);
}

TEST_F(IdentityDrama, member_that_moved_is_answered_where_it_is) {
  EXPECT_TRUE(goes_on_with_the_one_that_knows_only_an_old_address()) << world->progress_text();
  EXPECT_EQ(violation(), "");
}

TEST_F(IdentityDrama, bug_answers_by_membership_leaves_no_leader) {
  const BugOn bug(Bug::answers_by_membership);
  EXPECT_FALSE(goes_on_with_the_one_that_knows_only_an_old_address());
}

TEST_F(IdentityDrama, all_members_may_move_at_once) {
  begin(3);
  ASSERT_TRUE(write(*world->leader(), 1, 1));
  // As operators do: all are told where all of them are now.
  world->on_start = [this](std::size_t machine, node::NodeOptions& options) {
    options.join.clear();
    for (std::size_t i = 0; i < 3; ++i)
      if (i != machine) options.join.push_back(world->machine(i).raft_address());
  };
  for (std::size_t i = 0; i < 3; ++i) world->move_machine(i, milliseconds(50));
  ASSERT_TRUE(converge(*world, seconds(20))) << violation();
  ASSERT_TRUE(until([&] {
    return address(0) == "n1:4003" && address(1) == "n2:4003" && address(2) == "n3:4003";
  })) << world->progress_text();
  EXPECT_EQ(read(2, 1, Level::linearizable), "1");
  EXPECT_TRUE(write(0, 1, 2));
}

TEST_F(IdentityDrama, cluster_of_one_may_move) {
  Swarm swarm = calm_swarm();
  swarm.nodes = 2;
  world.emplace(1, swarm);
  world->start_machine(0);
  ASSERT_TRUE(until([&] { return status(0).ready; }));
  world->move_machine(0, milliseconds(50));
  ASSERT_TRUE(until([&] { return runs(0) && status(0).ready && address(0) == "n1:4003"; }));
  world->start_machine(1);
  ASSERT_TRUE(until([&] { return is_voter(1) && status(1).ready; })) << world->progress_text();
  ASSERT_TRUE(set_up(*world, seconds(5))) << violation();
  EXPECT_TRUE(write(1, 1, 1));
}

TEST_F(IdentityDrama, member_whose_disk_went_back_is_set_aside_and_comes_back) {
  EXPECT_TRUE(comes_back_from_an_older_disk()) << world->progress_text() << violation();
  EXPECT_EQ(read(2, 1, Level::none), "20");
  EXPECT_EQ(violation(), "");
}

TEST_F(IdentityDrama, bug_lost_tail_ignored_refuses_it_for_ever) {
  const BugOn bug(Bug::lost_tail_ignored);
  EXPECT_FALSE(comes_back_from_an_older_disk());
}

// Of three voters one is down and one's disk has gone back: setting that one aside would leave no
// majority. It gets what it lacks, and the cluster goes on.
TEST_F(IdentityDrama, member_whose_disk_went_back_is_kept_where_it_is_needed) {
  begin(3);
  hand_over_to(0);
  world->keep_disk(2);
  world->crash(1, {}, std::nullopt);
  for (std::int64_t value = 1; value <= 20; ++value) ASSERT_TRUE(write(0, 1, value));
  world->roll_back_disk(2, milliseconds(50));
  ASSERT_TRUE(until([&] { return runs(2) && status(2).ready && write(0, 1, 21); }, seconds(20)))
      << world->progress_text() << violation();
  EXPECT_TRUE(is_voter(2));
  EXPECT_EQ(read(2, 1, Level::linearizable), "21");
}

// Without a join list it asks for nothing: the leader that set it aside makes it a voter again.
TEST_F(IdentityDrama, member_whose_disk_went_back_needs_no_join_list) {
  begin(3);
  hand_over_to(0);
  world->on_start = [](std::size_t, node::NodeOptions& options) { options.join.clear(); };
  world->keep_disk(2);
  for (std::int64_t value = 1; value <= 20; ++value) ASSERT_TRUE(write(0, 1, value));
  world->roll_back_disk(2, milliseconds(50));
  ASSERT_TRUE(until([&] { return runs(2) && !is_voter(2); }));
  ASSERT_TRUE(until([&] { return is_voter(2) && status(2).ready; })) << world->progress_text();
}

// A forgotten node of a former cluster must not stop a single node that has served for long.
TEST_F(IdentityDrama, lone_node_with_data_is_stopped_by_no_stranger) {
  Swarm swarm = calm_swarm();
  swarm.nodes = 2;
  world.emplace(1, swarm);
  world->start_machine(0);
  ASSERT_TRUE(until([&] { return status(0).ready; }));
  world->crash(0, {}, std::nullopt);
  world->start_machine(0);
  ASSERT_TRUE(until([&] { return runs(0) && status(0).ready; }));
  const raft::Message ask{.from = id(1), .to = id(0), .term = Term{99}, .body = raft::VoteAsk{}};
  world->machine(0).receive(wire::encode_frame({.from = id(1),
                                                .to = id(0),
                                                .body = ask,
                                                .reply_to = "n2:4002",
                                                .cluster = {.high = 7, .low = 7}}));
  world->run_for(seconds(1));
  EXPECT_EQ(status(0).out_of_service, "");
  EXPECT_TRUE(status(0).ready);
  EXPECT_EQ(status(0).turned_away.foreign, 1u);
}

}  // namespace
}  // namespace lockstep::sim
