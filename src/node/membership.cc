#include "node/membership.h"

#include <algorithm>
#include <utility>

namespace lockstep::node {
namespace {

// How often a new node asks (one address each time), and how often the leader looks again at what
// it could not do yet.
constexpr Duration kAskInterval = milliseconds(200);
constexpr Duration kRetryInterval = milliseconds(50);
// How long the leader keeps trying for one join; the new node goes on asking by itself.
constexpr Duration kJoinPatience = seconds(10);
constexpr std::size_t kJoinsMax = 64;
constexpr std::size_t kAddressesMax = 64;

}  // namespace

MembershipDesk::MembershipDesk(env::Env env, const NodeOptions& options, bool fresh,
                               Consensus& consensus, Proposer& proposer,
                               std::function<void(Error)> failed)
    : env_(env),
      options_(options),
      consensus_(consensus),
      proposer_(proposer),
      failed_(std::move(failed)),
      addresses_(options.join),
      fresh_(fresh && !addresses_.empty()) {}

void MembershipDesk::start() {
  join_by(env_.clock.now() + options_.join_interval * options_.join_attempts);
}

void MembershipDesk::join_by(TimePoint give_up) {
  if (addresses_.empty() || !wants_to_join()) return;
  give_up_ = give_up;
  ask_to_join();
}

bool MembershipDesk::wants_to_join() const {
  const auto* self = consensus_.core().membership().find(options_.self);
  return !self || self->address != options_.raft_addr || self->voter != options_.voter;
}

void MembershipDesk::ask_to_join() {
  if (!wants_to_join()) return;
  // Whoever hears a leader is being let in, however long its image takes.
  const bool in_touch = consensus_.core().leader().has_value();
  if (env_.clock.now() >= give_up_ && !in_touch) {
    const std::string why = refused_because_.empty() ? "no member answered" : refused_because_;
    return failed_({Errc::timeout, "could not join the cluster: " + why});
  }
  const std::string address = addresses_[next_address_++ % addresses_.size()];
  const raft::Member me{options_.self, options_.raft_addr, options_.voter};
  consensus_.post_to(address, {}, wire::JoinAsk{1, me, fresh_});
  env_.turns.at(env_.clock.now() + kAskInterval, life_.guard([this] { ask_to_join(); }));
}

void MembershipDesk::on_join_reply(const wire::JoinReply& reply) {
  switch (reply.answer) {
    case wire::JoinReply::Answer::joined:
      return;  // The log says so itself, soon.
    case wire::JoinReply::Answer::refused:
      if (refused_because_ != reply.reason)
        env_.log.write(LogLevel::warning, "join", "not let in yet: " + reply.reason);
      refused_because_ = reply.reason;
      return;
    case wire::JoinReply::Answer::admitted:
      return admitted(reply.fence);
    case wire::JoinReply::Answer::redirect:
      if (reply.leader_address.empty()) return;
      // The leader is asked next; the list stays a list of addresses that were heard of.
      if (std::ranges::find(addresses_, reply.leader_address) == addresses_.end() &&
          addresses_.size() < kAddressesMax)
        addresses_.push_back(reply.leader_address);
      next_address_ = static_cast<std::size_t>(std::ranges::find(addresses_, reply.leader_address) -
                                               addresses_.begin());
      return;
  }
}

void MembershipDesk::on_join_ask(const wire::JoinAsk& ask) {
  using Verdict = wire::JoinReply::Answer;
  const auto& core = consensus_.core();
  if (core.role() != raft::Role::leader) return reply_to_join(ask, Verdict::redirect, {});
  const auto* known = core.membership().find(ask.member.id);
  if (known && *known == ask.member && !ask.fresh) return reply_to_join(ask, Verdict::joined, {});
  if (ask.member.id == options_.self)
    return reply_to_join(ask, Verdict::refused, "node id " + ask.member.id.value + " is taken");
  for (const auto& other : core.membership().members) {
    if (other.id != ask.member.id && other.address == ask.member.address)
      return reply_to_join(ask, Verdict::refused,
                           "address " + other.address + " belongs to node " + other.id.value);
  }
  if (known && ask.fresh) {
    // Its admission may have been lost on the way; but who is known to hold something, and does not
    // any more, has broken what it promised under this name.
    const bool new_learner =
        !known->voter && core.match_index(ask.member.id).value_or(LogIndex{}) == LogIndex{};
    if (!new_learner)
      return reply_to_join(ask, Verdict::refused,
                           "node id " + ask.member.id.value +
                               " is a member that has lost its data: remove it from the cluster "
                               "first, or join under another id");
    admit(ask);
    if (!ask.member.voter) return;
  }
  if (joining_.contains(ask.member.id) || joining_.size() >= kJoinsMax) return;
  joining_[ask.member.id] = {};

  auto done = [this, ask](Status status) {
    joining_.erase(ask.member.id);
    if (status) return reply_to_join(ask, Verdict::joined, {});
    reply_to_join(ask, Verdict::refused, status.error().text);
  };
  // Known as a voter already (under another address), or to be a learner: one step.
  if (!ask.member.voter || (known && known->voter))
    return submit(
        {ask.member.id, ask.member, [this, ask, done = std::move(done)](Status status) mutable {
           if (status && ask.fresh) admit(ask);
           done(std::move(status));
         }});
  raft::Member learner = ask.member;
  learner.voter = false;
  const TimePoint give_up = env_.clock.now() + kJoinPatience;
  submit(
      {ask.member.id, learner, [this, ask, give_up, done = std::move(done)](Status status) mutable {
         if (!status) return done(std::move(status));
         if (ask.fresh) admit(ask);
         joining_[ask.member.id] = consensus_.core().commit();
         finish_join(ask.member, std::move(done), give_up);
       }});
}

// Second step: wait until the learner has the log up to where it was let in, then make it a voter.
void MembershipDesk::finish_join(raft::Member member, Done done, TimePoint give_up) {
  const auto& core = consensus_.core();
  if (core.role() != raft::Role::leader) return done(fail(Errc::not_leader, "not leader"));
  const auto match = core.match_index(member.id);
  if (match && *match >= joining_[member.id]) return submit({member.id, member, std::move(done)});
  if (env_.clock.now() >= give_up)
    return done(
        fail(Errc::timeout, "node " + member.id.value + " does not answer at " + member.address));
  env_.turns.at(
      env_.clock.now() + kRetryInterval,
      life_.guard([this, member = std::move(member), done = std::move(done), give_up]() mutable {
        finish_join(std::move(member), std::move(done), give_up);
      }));
}

// The learner's entry is committed: a quorum without this node knows that its vote does not count.
// It may be told again, with a later fence, and heed any of them: before it has passed the last one
// it may be unable to vote, and so must not be a voter.
void MembershipDesk::admit(const wire::JoinAsk& ask) {
  const auto& core = consensus_.core();
  if (core.role() != raft::Role::leader || core.membership_index() > core.commit()) return;
  const auto joining = joining_.find(ask.member.id);
  if (joining != joining_.end()) joining->second = std::max(joining->second, core.commit());
  consensus_.post_to(ask.member.address, ask.member.id,
                     wire::JoinReply{.id = ask.id,
                                     .answer = wire::JoinReply::Answer::admitted,
                                     .leader_address = {},
                                     .reason = {},
                                     .fence = {core.commit(), *core.term_at(core.commit())}});
}

void MembershipDesk::admitted(raft::Position fence) {
  if (!fresh_ || fence.index == LogIndex{}) return;
  consensus_.set_fence(fence, life_.guard([this] { fresh_ = false; }));
}

void MembershipDesk::change(NodeId id, std::optional<raft::Member> member, Done done) {
  if (consensus_.core().role() != raft::Role::leader)
    return done(fail(Errc::not_leader, "not leader"));
  submit({std::move(id), std::move(member), std::move(done)});
}

void MembershipDesk::submit(Change change) {
  const raft::RequestId id = ++last_id_;
  const NodeId node = change.id;
  auto member = change.member;
  asked_.emplace(id, std::move(change));
  consensus_.change_membership(id, node, std::move(member));
}

void MembershipDesk::accepted(const raft::Accepted& accepted) {
  auto node = asked_.extract(accepted.id);
  proposer_.follow(
      accepted.at,
      life_.guard([done = std::move(node.mapped().done)](Result<Answer> answer) mutable {
        if (answer) return done({});
        done(std::unexpected(std::move(answer).error()));
      }));
}

void MembershipDesk::refused(const raft::Refused& refused) {
  auto node = asked_.extract(refused.id);
  auto& change = node.mapped();
  switch (refused.reason) {
    case raft::Refusal::change_in_progress:
      return retry_later(std::move(change));
    case raft::Refusal::invalid_change:
      return change.done(fail(Errc::invalid, "the change would leave no voter"));
    default:
      return change.done(fail(Errc::not_leader, "not leader"));
  }
}

void MembershipDesk::retry_later(Change change) {
  env_.turns.at(env_.clock.now() + kRetryInterval,
                life_.guard([this, epoch = epoch_, change = std::move(change)]() mutable {
                  if (epoch != epoch_) return change.done(fail(Errc::not_leader, "not leader"));
                  submit(std::move(change));
                }));
}

void MembershipDesk::leadership_lost() {
  ++epoch_;
}

void MembershipDesk::reply_to_join(const wire::JoinAsk& ask, wire::JoinReply::Answer answer,
                                   std::string reason) {
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
