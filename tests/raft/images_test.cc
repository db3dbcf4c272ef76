// Offers of images and starts with one, message by message: what no transcript can show, because no
// honest peer sends it or no sound storage finds it.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "cluster.h"
#include "raft/core.h"

namespace lockstep::raft::test {
namespace {

constexpr TimePoint kNow{seconds(1)};
const NodeId kSelf{"c"};
const NodeId kLeader{"a"};

Options options() {
  Options options;
  options.self = kSelf;
  return options;
}

// A log that begins after 4/2 and holds 5/2 and 6/3.
Recovered compacted_log() {
  return {.hard = {.term = Term{3}, .vote = std::nullopt},
          .base = {LogIndex{4}, Term{2}},
          .base_membership = voters({"a", "b", "c"}),
          .terms = {Term{2}, Term{3}},
          .sizes = {1, 1},
          .memberships = {},
          .forced = {},
          .fence = {},
          .commit = LogIndex{4}};
}

Message offer(Term term, Position at) {
  return {.from = kLeader, .to = kSelf, .term = term, .body = ImageOffer{.at = at, .round = 7}};
}

class Offered : public testing::Test {
 protected:
  Offered() : core_(options(), 1, compacted_log(), kNow) {
    Effects start;
    core_.start(kNow, start);
  }
  Effects receive(Message message) {
    Effects out;
    core_.receive(kNow, std::move(message), out);
    return out;
  }
  static AppendReply only_reply(const Effects& out) {
    EXPECT_EQ(out.messages.size(), 1u);
    return std::get<AppendReply>(out.messages.at(0).body);
  }
  Core core_;
};

TEST_F(Offered, an_image_behind_its_log_is_wanted) {
  const Effects out = receive(offer(Term{3}, {LogIndex{9}, Term{3}}));
  ASSERT_TRUE(out.image_wanted);
  EXPECT_EQ(out.image_wanted->from, kLeader);
  EXPECT_EQ(out.image_wanted->at, (Position{LogIndex{9}, Term{3}}));
  const AppendReply reply = only_reply(out);
  EXPECT_FALSE(reply.success);
  EXPECT_EQ(reply.rejected, LogIndex{9});
  EXPECT_EQ(reply.hint, (Position{LogIndex{6}, Term{3}}));
  EXPECT_EQ(reply.round, 7u);
  EXPECT_EQ(core_.leader(), kLeader);
  EXPECT_EQ(core_.leader_contact(), kNow);
}

TEST_F(Offered, an_image_in_place_of_a_conflicting_tail_is_wanted) {
  const Effects out = receive(offer(Term{4}, {LogIndex{6}, Term{4}}));
  EXPECT_TRUE(out.image_wanted);
  EXPECT_EQ(only_reply(out).hint, (Position{LogIndex{5}, Term{2}}));
}

TEST_F(Offered, what_it_holds_is_acknowledged_and_no_more) {
  const Effects out = receive(offer(Term{3}, {LogIndex{5}, Term{2}}));
  EXPECT_FALSE(out.image_wanted);
  const AppendReply reply = only_reply(out);
  EXPECT_TRUE(reply.success);
  EXPECT_EQ(reply.match, LogIndex{5});  // 6/3 may not be the leader's
  EXPECT_EQ(reply.round, 7u);
}

TEST_F(Offered, below_its_base_all_is_the_leaders) {
  for (const Position at : {Position{LogIndex{2}, Term{1}}, Position{LogIndex{4}, Term{2}}}) {
    const Effects out = receive(offer(Term{3}, at));
    EXPECT_FALSE(out.image_wanted);
    EXPECT_EQ(only_reply(out).match, LogIndex{4});
  }
}

TEST_F(Offered, nothing_is_acknowledged_before_the_term_is_durable) {
  const Effects out = receive(offer(Term{5}, {LogIndex{5}, Term{2}}));
  EXPECT_TRUE(out.messages.empty());
  ASSERT_TRUE(out.write && out.write->hard);
  EXPECT_EQ(out.write->hard->term, Term{5});
  Effects later;
  core_.persisted(kNow, out.write->ticket, later);
  EXPECT_EQ(only_reply(later).match, LogIndex{5});
}

TEST_F(Offered, an_old_leader_is_told_the_term) {
  const Effects out = receive(offer(Term{2}, {LogIndex{9}, Term{2}}));
  EXPECT_FALSE(out.image_wanted);
  EXPECT_FALSE(only_reply(out).success);
  EXPECT_EQ(out.messages[0].term, Term{3});
  EXPECT_FALSE(core_.leader());
}

TEST_F(Offered, malformed_offers_are_dropped) {
  const std::vector<Message> malformed{
      offer(Term{}, {LogIndex{9}, Term{}}),   offer(Term{3}, {}),
      offer(Term{3}, {LogIndex{}, Term{1}}),  offer(Term{3}, {LogIndex{9}, Term{}}),
      offer(Term{3}, {LogIndex{9}, Term{4}}),
  };
  for (const Message& message : malformed) {
    const Effects out = receive(message);
    EXPECT_TRUE(out.messages.empty());
    EXPECT_FALSE(out.image_wanted || out.status_changed);
  }
  EXPECT_FALSE(core_.leader());
}

// c leads, its log begins after 4/2, and b needs an image.
class Offering : public Offered {
 protected:
  void SetUp() override {
    step([&](Effects& out) { core_.receive(now_, {kLeader, kSelf, Term{3}, TimeoutNow{}}, out); });
    step([&](Effects& out) {
      core_.receive(now_, {kLeader, kSelf, core_.term(), VoteReply{.granted = true}}, out);
    });
    ASSERT_EQ(core_.role(), Role::leader);
    refuse(6, {});
    refuse(4, {});
    ASSERT_TRUE(offers());
  }
  // Carries out what it writes.
  Effects step(const std::function<void(Effects&)>& call) {
    Effects out;
    call(out);
    if (!out.write) return out;
    const Ticket ticket = out.write->ticket;
    out.write.reset();
    core_.persisted(now_, ticket, out);
    return out;
  }
  Effects answer(AppendReply reply) {
    return step(
        [&](Effects& out) { core_.receive(now_, {NodeId{"b"}, kSelf, core_.term(), reply}, out); });
  }
  Effects refuse(std::uint64_t rejected, Position hint) {
    return answer({.success = false, .rejected = LogIndex{rejected}, .hint = hint});
  }
  // Whether the next heartbeat brings b an offer.
  bool offers() {
    now_ += options().heartbeat_interval;
    const Effects out = step([&](Effects& more) { core_.deadline_reached(now_, more); });
    const auto to_b = std::ranges::find(out.messages, NodeId{"b"}, &Message::to);
    if (to_b == out.messages.end()) return false;
    const auto* offer = std::get_if<ImageOffer>(&to_b->body);
    return offer != nullptr && offer->at.index.next() == core_.first_index();
  }
  TimePoint now_ = kNow;
};

TEST_F(Offering, goes_on_while_the_member_is_short_of_the_base) {
  refuse(4, {LogIndex{3}, Term{2}});
  EXPECT_TRUE(offers());
  refuse(9, {LogIndex{8}, Term{1}});  // longer, but of an older term: parts below the base
  EXPECT_TRUE(offers());
  answer({.success = true, .match = LogIndex{3}});
  EXPECT_TRUE(offers());
  EXPECT_EQ(core_.match_index(NodeId{"b"}), LogIndex{3});
}

TEST_F(Offering, ends_with_a_success_at_the_base) {
  const Effects out = answer({.success = true, .match = LogIndex{4}});
  ASSERT_EQ(out.messages.size(), 1u);
  const auto& append = std::get<Append>(out.messages[0].body);
  EXPECT_EQ(append.prev, (Position{LogIndex{4}, Term{2}}));
  EXPECT_EQ(append.count, 3u);
}

TEST_F(Offering, ends_with_a_hint_that_may_reach_the_base) {
  const Effects out = refuse(6, {LogIndex{5}, Term{2}});
  ASSERT_EQ(out.messages.size(), 1u);
  EXPECT_EQ(std::get<Append>(out.messages[0].body).prev, (Position{LogIndex{5}, Term{2}}));
}

TEST_F(Offering, moves_with_the_base) {
  Effects committed;
  core_.receive(
      now_,
      {kLeader, kSelf, core_.term(), AppendReply{.success = true, .match = core_.last_index()}},
      committed);
  ASSERT_EQ(core_.apply_limit(), core_.last_index());
  core_.compacted(LogIndex{6});
  answer({.success = true, .match = LogIndex{4}});
  EXPECT_TRUE(offers());
  answer({.success = true, .match = LogIndex{6}});
  EXPECT_FALSE(offers());
}

TEST(StartedWithImage, enters_the_term_of_the_image) {
  Recovered image{.hard = {.term = Term{3}, .vote = NodeId{"b"}},
                  .base = {LogIndex{8}, Term{5}},
                  .base_membership = voters({"a", "b", "c"}),
                  .terms = {},
                  .sizes = {},
                  .memberships = {},
                  .forced = {},
                  .fence = {},
                  .commit = LogIndex{8}};
  Core core(options(), 1, image, kNow);
  Effects out;
  core.start(kNow, out);
  ASSERT_TRUE(out.write);
  EXPECT_EQ(out.write->hard, (HardState{.term = Term{5}, .vote = std::nullopt}));
  // A vote in that term waits for both.
  const VoteAsk ask{.last = {LogIndex{8}, Term{5}}};
  Effects asked;
  core.receive(kNow, {kLeader, kSelf, Term{6}, ask}, asked);
  EXPECT_TRUE(asked.messages.empty());
  core.persisted(kNow, out.write->ticket, asked);
  EXPECT_TRUE(asked.messages.empty());
  Effects durable;
  core.persisted(kNow, asked.write->ticket, durable);
  EXPECT_EQ(durable.messages.size(), 1u);
}

TEST(StartedWithImage, keeps_its_vote_in_the_same_term) {
  Recovered image{.hard = {.term = Term{5}, .vote = NodeId{"b"}},
                  .base = {LogIndex{8}, Term{5}},
                  .base_membership = voters({"a", "b", "c"}),
                  .terms = {},
                  .sizes = {},
                  .memberships = {},
                  .forced = {},
                  .fence = {},
                  .commit = LogIndex{8}};
  Core core(options(), 1, image, kNow);
  Effects out;
  core.start(kNow, out);
  EXPECT_FALSE(out.write);
  EXPECT_EQ(core.hard_state().vote, NodeId{"b"});
}

TEST(StartedWithImageDeathTest, entries_above_the_hard_term_are_a_broken_log) {
  Recovered recovered = compacted_log();
  recovered.hard.term = Term{2};
  EXPECT_DEATH(Core(options(), 1, recovered, kNow), "CHECK failed");
}

}  // namespace
}  // namespace lockstep::raft::test
