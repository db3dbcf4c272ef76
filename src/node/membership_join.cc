// MembershipDesk: letting nodes in, and following members that move (node/membership.h).
#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "node/membership.h"

namespace lockstep::node {
namespace {

// How often the leader looks whether a new node has caught up, and for how long it keeps trying;
// the new node goes on asking by itself.
constexpr Duration kRetryInterval = milliseconds(50);
constexpr Duration kJoinPatience = seconds(10);
constexpr std::size_t kJoinsMax = 64;

}  // namespace

void MembershipDesk::on_join_ask(ClusterId theirs, const wire::JoinAsk& ask) {
  const ClusterId mine = consensus_.cluster();
  if (!theirs.is_nil() && theirs != mine) {
    if (mine.is_nil()) return;  // It cannot tell yet.
    return reply_to_join(ask, Answer::foreign,
                         "node " + ask.member.id.value + " belongs to cluster " +
                             to_string(theirs) + " and cannot join cluster " + to_string(mine) +
                             " with the data it has: start it with an empty data folder, or "
                             "without -join");
  }
  if (!leads()) return reply_to_join(ask, Answer::redirect);
  const bool is_member = consensus_.core().membership().find(ask.member.id) != nullptr;
  if (ask.as_member && !is_member) return tell_standing(ask);
  decide(ask);
}

void MembershipDesk::tell_standing(const wire::JoinAsk& ask) {
  after_round([this, ask](const Status& leads_still) {
    if (!leads_still) return;
    const auto& core = consensus_.core();
    const bool is_member = consensus_.committed_membership().find(ask.member.id) != nullptr ||
                           core.membership().find(ask.member.id) != nullptr;
    reply_to_join(ask, is_member ? Answer::joined : Answer::removed);
  });
}

// Why this node cannot be what it asks to be; nullopt if it can.
std::optional<std::string> MembershipDesk::objection(const wire::JoinAsk& ask) const {
  const auto& core = consensus_.core();
  const NodeId& id = ask.member.id;
  if (id == options_.self)
    return "node id " + id.value + " is taken by the leader, at " + options_.raft_addr;
  for (const auto& other : core.membership().members) {
    // Legal: that one has moved away, and the log does not say so yet.
    const bool there = consensus_.address_of(other.id) == other.address;
    if (other.id != id && other.address == ask.member.address && there)
      return "address " + other.address + " belongs to node " + other.id.value;
  }
  const auto* known = core.membership().find(id);
  if (known == nullptr || !ask.fresh) return std::nullopt;
  // Its admission may have been lost on the way; but who is known to hold something, and does not
  // any more, has broken what it promised under this name.
  const bool new_learner = !known->voter && core.match_index(id).value_or(LogIndex{}) == LogIndex{};
  if (new_learner) return std::nullopt;
  const TimePoint lately = env_.clock.now() - 2 * options_.raft.election_timeout;
  if (has_answered(id, lately) && known->address != ask.member.address)
    return "node id " + id.value + " is in use by the member at " + known->address +
           ", which answers: give the new node another id";
  return "node id " + id.value +
         " is a member that has lost its data: remove it from the cluster first (DELETE /remove), "
         "or join under another id";
}

void MembershipDesk::decide(const wire::JoinAsk& ask) {
  const auto& core = consensus_.core();
  const NodeId& id = ask.member.id;
  const auto* known = core.membership().find(id);
  const bool as_wished = known != nullptr && *known == ask.member && !ask.fresh;
  if (as_wished && core.membership_index() <= core.commit())
    return reply_to_join(ask, Answer::joined);
  if (as_wished) return;  // The entry that says so is on its way; it asks again.
  if (auto why = objection(ask)) return reply_to_join(ask, Answer::refused, std::move(*why));
  if (known != nullptr && known->voter && !ask.member.voter) {
    const TimePoint since = doubted_since(id);
    auto why = loss_of_majority(id, since);
    const bool all_could_answer = env_.clock.now() - since >= time_to_answer();
    if (why && !all_could_answer) return;  // It asks again.
    if (why) return reply_to_join(ask, Answer::refused, std::move(*why));
  }
  if (known != nullptr && ask.fresh) {
    admit(ask);
    if (!ask.member.voter) return;
  }
  if (joining_.contains(id) || joining_.size() >= kJoinsMax) return;
  joining_[id] = {};
  take_in(ask, known == nullptr ? std::nullopt : std::optional(*known));
}

void MembershipDesk::take_in(const wire::JoinAsk& ask, const std::optional<raft::Member>& known) {
  const NodeId id = ask.member.id;
  auto done = [this, ask](Status status) {
    joining_.erase(ask.member.id);
    if (status) return reply_to_join(ask, Answer::joined);
    reply_to_join(ask, Answer::refused, status.error().text);
  };
  // Known as a voter already (under another address), or to be a learner: one step.
  if (!ask.member.voter || (known && known->voter))
    return submit({.id = id,
                   .member = ask.member,
                   .done =
                       [this, ask, done = std::move(done)](Status status) mutable {
                         if (status && ask.fresh) admit(ask);
                         done(std::move(status));
                       },
                   .of = known});
  const TimePoint give_up = env_.clock.now() + kJoinPatience;
  auto promote = [this, ask, give_up, done = std::move(done)](Status status) mutable {
    if (!status) return done(std::move(status));
    if (ask.fresh) admit(ask);
    auto& needed = joining_[ask.member.id];
    needed = std::max(needed, consensus_.core().commit());
    finish_join(ask.member, std::move(done), give_up);
  };
  raft::Member learner = ask.member;
  learner.voter = false;
  if (known == learner && !ask.fresh) return promote({});
  submit({.id = id, .member = std::move(learner), .done = std::move(promote), .of = known});
}

// Second step: wait until the learner has the log up to where it was let in, then make it a voter.
void MembershipDesk::finish_join(raft::Member member, Done done, TimePoint give_up) {
  if (!leads()) return done(fail(Errc::not_leader, "not leader"));
  const auto match = consensus_.core().match_index(member.id);
  if (match && *match >= joining_[member.id]) {
    raft::Member learner = member;
    learner.voter = false;
    return submit({.id = member.id,
                   .member = std::move(member),
                   .done = std::move(done),
                   .of = std::move(learner)});
  }
  if (env_.clock.now() >= give_up)
    return done(
        fail(Errc::timeout, "node " + member.id.value + " does not answer at " + member.address));
  env_.turns.at(
      env_.clock.now() + kRetryInterval,
      life_.guard([this, member = std::move(member), done = std::move(done), give_up]() mutable {
        finish_join(std::move(member), std::move(done), give_up);
      }));
}

// A leader that was deposed, and does not know it, may take for a new learner who has since become
// a voter, acknowledged much, and lost its disk. The round proves that this membership is the
// newest.
void MembershipDesk::admit(const wire::JoinAsk& ask) {
  if (LOCKSTEP_BUG(stale_leader_admits)) return send_admission(ask);
  after_round([this, ask](const Status& leads_still) {
    if (leads_still) send_admission(ask);
  });
}

// The learner's entry is committed: a quorum without this node knows that its vote does not count.
// It may be told again, with a later fence, and heed any of them: before it has passed the last one
// it may be unable to vote, and so must not be a voter.
void MembershipDesk::send_admission(const wire::JoinAsk& ask) {
  const auto& core = consensus_.core();
  const auto* member = core.membership().find(ask.member.id);
  if (!leads() || member == nullptr || member->voter || core.membership_index() > core.commit())
    return;
  if (core.match_index(ask.member.id).value_or(LogIndex{}) > LogIndex{}) return;
  const auto joining = joining_.find(ask.member.id);
  if (joining != joining_.end()) joining->second = std::max(joining->second, core.commit());
  consensus_.post_to(ask.member.address, ask.member.id,
                     wire::JoinReply{.id = ask.id,
                                     .answer = Answer::admitted,
                                     .leader_address = {},
                                     .reason = {},
                                     .fence = {core.commit(), *core.term_at(core.commit())}});
}

void MembershipDesk::reply_to_join(const wire::JoinAsk& ask, Answer answer, std::string reason) {
  wire::JoinReply reply{.id = ask.id,
                        .answer = answer,
                        .leader_address = {},
                        .reason = std::move(reason),
                        .fence = {}};
  if (const auto leader = consensus_.core().leader())
    reply.leader_address = consensus_.address_of(*leader);
  consensus_.post_to(ask.member.address, ask.member.id, std::move(reply));
}

}  // namespace lockstep::node
