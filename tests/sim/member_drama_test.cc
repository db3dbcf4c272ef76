// Dramas of joining, leaving and being removed: what is promised only by whoever leads for certain,
// and what a node says of itself meanwhile.
#include "tests/sim/member_drama.h"

namespace lockstep::sim {
namespace {

using Level = check::Level;

class MembersDrama : public MemberDrama {
 protected:
  // The first `count` machines of the swarm are a cluster of voters, and all is committed.
  void start_voters(const Swarm& swarm, std::uint64_t seed, std::size_t count) {
    world.emplace(seed, swarm);
    for (std::size_t i = 0; i < count; ++i) world->start_machine(i);
    const auto formed = [&] {
      if (!world->leader()) return false;
      const raft::Core& at = core(*world->leader());
      return at.membership().voter_count() == count && at.commit() == at.last_index();
    };
    EXPECT_TRUE(until(formed, seconds(60))) << world->progress_text();
  }
  // Four voters; n5 asked to join a leader that nobody hears since, became a voter under the next
  // one, and lost its disk. Then the old leader wakes. True: it lets n5 in.
  bool deposed_leader_admits_who_lost_its_disk(std::uint64_t seed) {
    Swarm swarm = calm_swarm();
    swarm.nodes = 5;
    swarm.node.raft.message_bytes_max = 200;
    swarm.node.raft.inflight_bytes_max = 800;
    start_voters(swarm, seed, 4);
    EXPECT_TRUE(set_up(*world, seconds(10))) << violation();
    const std::size_t old = *world->leader();
    world->network().set_cut(old, 4, true);
    world->start_machine(4);
    EXPECT_TRUE(until([&] {
      return core(old).membership().members.size() == 5 &&
             core(old).commit() >= core(old).membership_index();
    }));
    world->pause(old, seconds(100));
    for (std::size_t i = 0; i < 4; ++i)
      if (i != old) world->network().set_cut(i, old, true);
    EXPECT_TRUE(until([&] { return world->leader() && *world->leader() != old && is_voter(4); },
                      seconds(30)));
    const std::size_t next = *world->leader();
    for (std::int64_t value = 1; value <= 20; ++value) EXPECT_TRUE(write(next, 1, value));
    world->lose_disk(4, milliseconds(20), false);
    world->run_for(milliseconds(60));
    world->network().set_cut(old, 4, false);
    world->machine(old).resume();
    return until([&] { return runs(4) && core(4).is_fenced(); }, seconds(3));
  }
  // n4, a learner that waits to become a voter behind another change, is removed. How often, of so
  // many seeds, it is a voter afterwards.
  int removed_ones_that_vote() {
    int seen = 0;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
      Swarm swarm = calm_swarm();
      swarm.nodes = 4;
      start_voters(swarm, seed, 3);
      const std::size_t leader = *world->leader();
      world->start_machine(3);
      EXPECT_TRUE(until([&] { return runs(3) && core(3).durable_index() > LogIndex{}; }));
      // Another change is under way, and takes its time.
      for (std::size_t i = 0; i < 3; ++i)
        if (i != leader) world->network().set_cut(i, leader, true);
      const std::size_t other = leader == 1 ? 2 : 1;
      raft::Member changed = *core(leader).membership().find(id(other));
      changed.api_addr += "/";
      world->machine(leader).as_step([changed](node::Node& node) {
        node.change_membership(changed.id, changed, [](Status) {});
      });
      world->run_for(milliseconds(100));
      remove(leader, 3, true);
      world->crash(3, {}, std::nullopt);
      world->run_for(milliseconds(100));
      world->network().heal(false);
      world->run_for(seconds(2));
      if (world->leader() && is_voter(3)) ++seen;
    }
    return seen;
  }
  // The promotion of n5 reached n5 and nobody else. True: it is a voter all the same, later.
  bool lost_promotion_is_made_up_for() {
    int tried = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Swarm swarm = calm_swarm();
      swarm.nodes = 5;
      start_voters(swarm, seed, 4);
      const std::size_t old = *world->leader();
      world->start_machine(4);
      EXPECT_TRUE(until([&] { return runs(4) && core(4).durable_index() > LogIndex{}; }));
      for (std::size_t i = 0; i < 4; ++i)
        if (i != old) world->network().set_cut(old, i, true);
      if (!until([&] { return core(4).membership().is_voter(id(4)); }, milliseconds(290))) continue;
      world->run_for(milliseconds(210));  // It looks at itself.
      world->crash(old, {}, std::nullopt);
      if (!until([&] { return world->leader().has_value(); })) continue;
      world->network().heal(false);
      world->start_machine(old);
      ++tried;
      if (!until([&] { return is_voter(4); }, seconds(20))) return false;
    }
    EXPECT_GT(tried, 0);
    return true;
  }
  // Whether n3 ever said that it is ready while it was no voter, as far as is committed.
  bool says_ready_before_it_votes() {
    bool seen = false;
    for (std::uint64_t seed = 1; seed <= 20 && !seen; ++seed) {
      Swarm swarm = calm_swarm();
      swarm.nodes = 3;
      world.emplace(seed, swarm);
      for (std::size_t i = 0; i < 3; ++i) world->start_machine(i);
      until(
          [&] {
            const auto leader = world->leader();
            if (!leader || !runs(2) || !status(2).ready) return false;
            const auto& at = core(*leader);
            seen = seen || !at.membership_at(at.commit()).is_voter(id(2));
            return true;
          },
          seconds(30));
    }
    return seen;
  }
};

TEST_F(MembersDrama, deposed_leader_admits_nobody) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    EXPECT_FALSE(deposed_leader_admits_who_lost_its_disk(seed)) << "seed " << seed;
    EXPECT_EQ(violation(), "") << "seed " << seed;
  }
}

TEST_F(MembersDrama, bug_stale_leader_admits_does) {
  const BugOn bug(Bug::stale_leader_admits);
  bool seen = false;
  for (std::uint64_t seed = 1; seed <= 12 && !seen; ++seed)
    seen = deposed_leader_admits_who_lost_its_disk(seed);
  EXPECT_TRUE(seen);
}

TEST_F(MembersDrama, removed_learner_is_not_promoted) {
  EXPECT_EQ(removed_ones_that_vote(), 0);
}

TEST_F(MembersDrama, bug_removed_is_promoted_makes_it_a_voter) {
  const BugOn bug(Bug::removed_is_promoted);
  EXPECT_GT(removed_ones_that_vote(), 0);
}

TEST_F(MembersDrama, lost_promotion_is_asked_for_again) {
  EXPECT_TRUE(lost_promotion_is_made_up_for()) << world->progress_text();
}

TEST_F(MembersDrama, bug_promotion_forgotten_leaves_a_learner) {
  const BugOn bug(Bug::promotion_forgotten);
  EXPECT_FALSE(lost_promotion_is_made_up_for());
}

TEST_F(MembersDrama, joiner_is_ready_only_once_it_votes) {
  EXPECT_FALSE(says_ready_before_it_votes());
}

TEST_F(MembersDrama, bug_ready_before_voter_says_so_before) {
  const BugOn bug(Bug::ready_before_voter);
  EXPECT_TRUE(says_ready_before_it_votes());
}

TEST_F(MembersDrama, leader_that_is_cut_off_removes_nobody_twice) {
  begin(3);
  const std::size_t leader = *world->leader();
  const std::size_t target = leader == 2 ? 1 : 2;
  world->network().split(std::uint64_t{1} << leader);
  remove(leader, target, true);
  world->run_for(milliseconds(20));
  remove(leader, target, true);
  world->run_for(milliseconds(20));
  EXPECT_TRUE(removals_.empty()) << "nothing is committed";
  world->network().heal(false);
  ASSERT_TRUE(until([&] { return removals_.size() == 2; }));
  // Told as a failure or not at all; or else it is gone.
  ASSERT_TRUE(until([&] { return world->leader().has_value(); }));
  for (const Status& each : removals_) EXPECT_TRUE(!each || member(target) == nullptr);
}

TEST_F(MembersDrama, bug_removal_from_belief_says_so) {
  const BugOn bug(Bug::removal_from_belief);
  begin(3);
  const std::size_t leader = *world->leader();
  const std::size_t target = leader == 2 ? 1 : 2;
  world->network().split(std::uint64_t{1} << leader);
  remove(leader, target, true);
  world->run_for(milliseconds(20));
  remove(leader, target, true);
  world->run_for(milliseconds(20));
  ASSERT_EQ(removals_.size(), 1u);
  EXPECT_TRUE(removals_[0]) << "and yet it is a member again afterwards";
}

TEST_F(MembersDrama, majority_is_not_removed) {
  begin(3);
  hand_over_to(0);
  world->crash(2, {}, std::nullopt);
  remove(0, 1, false);
  ASSERT_TRUE(until([&] { return removals_.size() == 1; }));
  ASSERT_FALSE(removals_[0]);
  EXPECT_EQ(removals_[0].error().code, Errc::refused);
  EXPECT_TRUE(removals_[0].error().text.contains("silent: n3")) << removals_[0].error().text;
  EXPECT_TRUE(write(0, 1, 1));
  // The one that is down may go, and a stranger is gone.
  remove(0, 2, false);
  world->machine(0).as_step([this](node::Node& node) {
    node.remove_member(NodeId{"n9"}, false, [this](Status done) { removals_.push_back(done); });
  });
  ASSERT_TRUE(until([&] { return removals_.size() == 3; }));
  EXPECT_TRUE(removals_[1] && removals_[2]);
  EXPECT_EQ(core(0).membership().members.size(), 2u);
}

TEST_F(MembersDrama, removed_member_that_was_told_to_join_is_let_in_again) {
  begin(3);
  hand_over_to(0);
  world->crash(2, {}, std::nullopt);
  remove(0, 2, false);
  ASSERT_TRUE(until([&] { return removals_.size() == 1 && removals_[0]; }));
  ASSERT_TRUE(write(0, 1, 1));
  world->start_machine(2);
  ASSERT_TRUE(until([&] { return runs(2) && is_voter(2) && status(2).ready; }))
      << world->progress_text();
  EXPECT_EQ(read(2, 1, Level::linearizable), "1");
}

// While it runs, it stays out: somebody wanted that.
TEST_F(MembersDrama, member_that_is_removed_while_it_runs_stays_out_and_says_so) {
  begin(3);
  hand_over_to(0);
  remove(0, 2, false);
  ASSERT_TRUE(until([&] { return status(2).removed; }));
  world->run_for(seconds(10));
  EXPECT_EQ(member(2), nullptr);
  EXPECT_FALSE(status(2).ready);
  EXPECT_TRUE(status(2).waits_for.contains("was removed")) << status(2).waits_for;
}

TEST_F(MembersDrama, removed_member_that_was_told_nothing_ends_and_says_why) {
  begin(3);
  hand_over_to(1);
  world->crash(0, {}, std::nullopt);
  remove(1, 0, false);
  ASSERT_TRUE(until([&] { return removals_.size() == 1 && removals_[0]; }));
  std::uint64_t starts = world->machine(0).starts();
  world->start_machine(0);
  // It ends by itself, is started again with -join, as its log says, and is let in.
  ASSERT_TRUE(until([&] { return runs(0) && is_voter(0) && status(0).ready; }))
      << world->progress_text();
  EXPECT_EQ(world->machine(0).starts(), starts + 2);
}

TEST_F(MembersDrama, id_of_a_member_that_answers_is_taken) {
  begin(3);
  // n4 is a second node that was given the name n2.
  const auto answer = [&] {
    std::string text;
    world->network().watch([&](std::size_t, std::string_view bytes) {
      const auto frame = wire::decode_frame(bytes);
      const auto* reply = frame ? std::get_if<wire::JoinReply>(&frame->body) : nullptr;
      if (reply != nullptr && !reply->reason.empty()) text = reply->reason;
    });
    hand_over_to(0);
    const wire::JoinAsk ask{.id = 1, .member = {NodeId{"n2"}, "n9:4002", true}, .fresh = true};
    world->machine(0).receive(
        wire::encode_frame({.from = {"n2"}, .to = {}, .body = ask, .reply_to = "n9:4002"}));
    until([&] { return !text.empty(); }, seconds(1));
    return text;
  }();
  EXPECT_EQ(answer,
            "node id n2 is in use by the member at n2:4002, which answers: give the new node "
            "another id");
}

}  // namespace
}  // namespace lockstep::sim
