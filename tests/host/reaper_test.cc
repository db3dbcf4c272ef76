#include "host/reaper.h"

#include <gtest/gtest.h>

namespace lockstep::host {
namespace {

using Id = std::optional<NodeId>;

class ReaperTest : public testing::Test {
 protected:
  ReaperTest() {
    status_.self = {"1"};
    status_.role = raft::Role::leader;
    status_.term = {3};
    add("1", true, true);
    add("2", true, false);
    add("3", true, true);
    add("4", false, true);
  }
  void add(const char* id, bool voter, bool reachable) {
    status_.members.push_back({{NodeId{id}, std::string(id) + ":1", voter}, "", reachable});
  }
  Id look_at(int second) { return reaper_.look(status_, TimePoint(seconds(100 + second))); }

  node::NodeStatus status_;
  Reaper reaper_{{.voters = seconds(10), .read_replicas = seconds(5)}};
};

TEST_F(ReaperTest, a_member_silent_for_long_is_named_until_it_is_gone) {
  EXPECT_EQ(look_at(0), Id());
  EXPECT_EQ(look_at(9), Id());
  EXPECT_EQ(look_at(10), NodeId{"2"});
  EXPECT_EQ(look_at(11), NodeId{"2"});
  status_.members.erase(status_.members.begin() + 1);
  EXPECT_EQ(look_at(12), Id());
}

TEST_F(ReaperTest, a_word_in_between_starts_the_time_anew) {
  look_at(0);
  status_.members[1].reachable = true;
  look_at(9);
  status_.members[1].reachable = false;
  look_at(10);
  EXPECT_EQ(look_at(19), Id());
  EXPECT_EQ(look_at(20), NodeId{"2"});
}

TEST_F(ReaperTest, read_replicas_have_a_time_of_their_own) {
  status_.members[1].reachable = true;
  status_.members[3].reachable = false;
  look_at(0);
  EXPECT_EQ(look_at(4), Id());
  EXPECT_EQ(look_at(5), NodeId{"4"});
}

TEST_F(ReaperTest, only_a_leader_removes_and_counts_from_its_own_term) {
  look_at(0);
  status_.role = raft::Role::follower;
  EXPECT_EQ(look_at(30), Id());
  status_.role = raft::Role::leader;
  EXPECT_EQ(look_at(31), Id());
  status_.term = {5};
  EXPECT_EQ(look_at(41), Id()) << "led again, in a later term";
  EXPECT_EQ(look_at(51), NodeId{"2"});
}

TEST_F(ReaperTest, without_a_time_nobody_is_removed) {
  reaper_ = Reaper({});
  look_at(0);
  EXPECT_EQ(look_at(1'000'000), Id());
}

}  // namespace
}  // namespace lockstep::host
