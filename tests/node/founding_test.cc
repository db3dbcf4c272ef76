// One new node that expects two others, and a test that plays both of them, frame by frame.
#include "node/founding.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <vector>

#include "sim/world.h"

namespace lockstep::node {
namespace {

using Stage = wire::FoundReply::Stage;

raft::Member voter(const std::string& name) {
  return {.id = {name}, .address = name + ":4002", .voter = true};
}

class FoundingTest : public testing::Test {
 protected:
  FoundingTest() {
    sim::Swarm swarm = sim::calm_swarm();
    swarm.expect = true;
    swarm.disk_speed = {.sync_min = milliseconds(300), .sync_max = milliseconds(300)};
    world_.emplace(1, swarm);
    world_->network().watch([this](std::size_t from, std::string_view bytes) {
      auto frame = wire::decode_frame(bytes);
      ASSERT_TRUE(frame);
      ASSERT_EQ(from, 0u);
      if (const auto* ask = std::get_if<wire::FoundAsk>(&frame->body)) asked_.push_back(ask->id);
      if (const auto* reply = std::get_if<wire::FoundReply>(&frame->body)) reply_ = *reply;
      joins_ += std::holds_alternative<wire::JoinAsk>(frame->body) ? 1 : 0;
      const auto* message = std::get_if<raft::Message>(&frame->body);
      if (message != nullptr) ++sent_[message->body.index()];
    });
    world_->start_machine(0);
  }

  void send(const std::string& from, wire::FrameBody body, bool to_anybody = false) {
    const wire::Frame frame{.from = {from},
                            .to = {to_anybody ? "" : "n1"},
                            .body = std::move(body),
                            .reply_to = from + ":4002"};
    world_->machine(0).receive(wire::encode_frame(frame));
  }
  // n2 or n3 answers what it was asked last.
  void answer(const std::string& from, Stage stage, raft::Membership founders,
              std::uint64_t change_id = 0, std::uint64_t nonce = 0) {
    asked_.clear();
    ASSERT_TRUE(world_->run_until([&] { return asked_.size() >= 2; }, seconds(2)));
    send(from, wire::FoundReply{.id = asked_[from == "n2" ? 0 : 1] ^ change_id,
                                .stage = stage,
                                .founders = std::move(founders),
                                .nonce = nonce});
    world_->run_for(milliseconds(1));
  }
  // What the node says when it is asked.
  wire::FoundReply told() {
    reply_.reset();
    send("n2", wire::FoundAsk{7}, true);
    EXPECT_TRUE(world_->run_until([&] { return reply_.has_value(); }, seconds(1)));
    // The name that it would give them.
    if (reply_ && reply_->founders.members == kAll.members) kAll.cluster = reply_->founders.cluster;
    return reply_.value_or(wire::FoundReply{});
  }
  [[nodiscard]] const raft::Core& core() { return world_->machine(0).node().core(); }
  [[nodiscard]] bool has_founded() { return !core().membership().members.empty(); }
  bool until(const std::function<bool()>& holds) { return world_->run_until(holds, seconds(3)); }
  void found() {
    for (const char* other : {"n2", "n3"}) answer(other, Stage::ready, {});
    told();
    for (const char* other : {"n2", "n3"}) answer(other, Stage::ready, kAll);
    ASSERT_TRUE(has_founded());
  }
  template <class Body>
  unsigned sent() {
    return sent_[raft::Message{.from = {}, .to = {}, .term = {}, .body = Body{}}.body.index()];
  }

  raft::Membership kAll{{voter("n1"), voter("n2"), voter("n3")}};
  const raft::Membership kOther{{voter("n1"), voter("n2"), voter("n4")}};
  std::optional<sim::World> world_;
  std::vector<std::uint64_t> asked_;
  std::optional<wire::FoundReply> reply_;
  std::map<std::size_t, unsigned> sent_;
  int joins_ = 0;
};

TEST_F(FoundingTest, proposes_once_it_knows_all_and_founds_once_all_propose_the_same) {
  EXPECT_EQ(told().stage, Stage::ready);
  answer("n2", Stage::ready, {});
  EXPECT_TRUE(told().founders.members.empty());
  answer("n3", Stage::ready, {});
  EXPECT_EQ(told().founders, kAll);
  EXPECT_EQ(told().stage, Stage::ready);
  answer("n2", Stage::ready, kAll);
  answer("n3", Stage::ready, kOther);
  EXPECT_FALSE(has_founded());
  answer("n3", Stage::joining, kAll);
  EXPECT_FALSE(has_founded());
  // One that has founded already is as good as one that would.
  answer("n3", Stage::founded, kAll);
  EXPECT_TRUE(has_founded());
  EXPECT_EQ(core().membership(), kAll);
}

TEST_F(FoundingTest, answers_to_questions_of_another_life_do_not_count) {
  for (const char* other : {"n2", "n3"}) answer(other, Stage::ready, kAll, std::uint64_t{1} << 40);
  for (const char* other : {"n2", "n3"}) answer(other, Stage::ready, kAll, std::uint64_t{1} << 40);
  EXPECT_TRUE(told().founders.members.empty());
  EXPECT_FALSE(has_founded());
}

TEST_F(FoundingTest, old_answers_are_not_believed) {
  answer("n2", Stage::ready, kAll);
  world_->run_for(seconds(3));
  answer("n3", Stage::ready, kAll);
  EXPECT_TRUE(told().founders.members.empty());
  answer("n2", Stage::ready, kAll);
  EXPECT_EQ(told().founders, kAll);
  answer("n3", Stage::ready, kAll);
  answer("n2", Stage::ready, kAll);
  EXPECT_TRUE(has_founded());
}

TEST_F(FoundingTest, founders_who_draw_other_nonces_give_their_cluster_another_name) {
  for (const char* other : {"n2", "n3"}) answer(other, Stage::ready, {});
  const ClusterId first = told().founders.cluster;
  EXPECT_FALSE(first.is_nil());
  answer("n2", Stage::ready, {}, 0, 7);
  EXPECT_NE(told().founders.cluster, first);
}

TEST_F(FoundingTest, a_name_that_one_has_founded_is_taken_over) {
  for (const char* other : {"n2", "n3"}) answer(other, Stage::ready, {});
  told();
  kAll.cluster = {.high = 1, .low = 2};
  answer("n2", Stage::founded, kAll);
  EXPECT_EQ(told().founders, kAll);
  answer("n3", Stage::ready, kAll);
  EXPECT_TRUE(has_founded());
  EXPECT_EQ(core().membership(), kAll);
}

TEST_F(FoundingTest, says_that_it_has_founded_only_when_that_is_durable) {
  found();
  ASSERT_EQ(core().durable_index(), LogIndex{});
  EXPECT_EQ(told().stage, Stage::ready);
  EXPECT_EQ(told().founders, kAll);
  ASSERT_TRUE(until([&] { return core().durable_index() == LogIndex{1}; }));
  EXPECT_EQ(told().stage, Stage::founded);
  EXPECT_EQ(told().founders, kAll);
}

TEST_F(FoundingTest, calls_no_election_before_all_have_founded_the_same) {
  found();
  answer("n2", Stage::founded, kAll);
  answer("n3", Stage::founded, kAll);
  EXPECT_EQ(core().role(), raft::Role::follower) << "its own founding is not durable";
  ASSERT_TRUE(until([&] { return core().durable_index() == LogIndex{1}; }));
  answer("n3", Stage::founded, kOther);
  world_->run_for(seconds(3));
  answer("n2", Stage::ready, kAll);
  answer("n3", Stage::member, kOther);
  world_->run_for(seconds(3));
  EXPECT_EQ(sent<raft::VoteAsk>(), 0u);
  answer("n2", Stage::founded, kAll);
  answer("n3", Stage::founded, kAll);
  EXPECT_TRUE(until([&] { return sent<raft::VoteAsk>() > 0; }));
}

TEST_F(FoundingTest, a_member_of_the_same_cluster_proves_that_all_have_founded) {
  found();
  ASSERT_TRUE(until([&] { return core().durable_index() == LogIndex{1}; }));
  answer("n3", Stage::member, kAll);
  EXPECT_TRUE(until([&] { return sent<raft::VoteAsk>() > 0; }));
}

TEST_F(FoundingTest, whoever_has_promised_something_is_a_member) {
  found();
  ASSERT_TRUE(until([&] { return core().durable_index() == LogIndex{1}; }));
  send("n2",
       raft::Message{{"n2"},
                     {"n1"},
                     {2},
                     raft::VoteAsk{.pre_vote = false, .transfer = false, .last = {{1}, {1}}}});
  ASSERT_TRUE(until([&] { return sent<raft::VoteReply>() > 0; }));
  ASSERT_EQ(core().last_index(), LogIndex{1});
  EXPECT_EQ(told().stage, Stage::member);
  EXPECT_EQ(told().founders, kAll);
}

TEST_F(FoundingTest, takes_no_part_in_consensus_before_it_has_founded) {
  for (const char* other : {"n2", "n3"}) answer(other, Stage::ready, {});
  send("n2",
       raft::Message{{"n2"},
                     {"n1"},
                     {2},
                     raft::VoteAsk{.pre_vote = false, .transfer = false, .last = {{1}, {1}}}});
  world_->run_for(seconds(1));
  EXPECT_EQ(sent<raft::VoteReply>(), 0u);
  EXPECT_EQ(core().term(), Term{});
}

TEST_F(FoundingTest, joins_where_a_cluster_is) {
  for (const char* other : {"n2", "n3"}) answer(other, Stage::ready, {});
  answer("n2", Stage::member, kOther);
  EXPECT_TRUE(until([&] { return joins_ > 0; }));
  EXPECT_EQ(told().stage, Stage::joining);
  EXPECT_FALSE(has_founded());
}

TEST_F(FoundingTest, waits_on_after_a_restart) {
  found();
  ASSERT_TRUE(until([&] { return core().durable_index() == LogIndex{1}; }));
  world_->crash(0, {.power = true, .loss = sim::Loss::all}, milliseconds(1));
  world_->run_for(seconds(5));
  EXPECT_EQ(told().stage, Stage::founded);
  EXPECT_EQ(sent<raft::VoteAsk>(), 0u);
  answer("n2", Stage::founded, kAll);
  answer("n3", Stage::founded, kAll);
  EXPECT_TRUE(until([&] { return sent<raft::VoteAsk>() > 0; }));
}

}  // namespace
}  // namespace lockstep::node
