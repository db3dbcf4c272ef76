#include "node/membership.h"

#include <algorithm>
#include <utility>

#include "base/bugs.h"

namespace lockstep::node {
namespace {

// How often the leader looks again at what it could not do yet.
constexpr Duration kRetryInterval = milliseconds(50);
// Who is there answers within so many heartbeats.
constexpr int kHeartbeatsToAnswer = 4;
// How long the leader keeps trying for one join; the new node goes on asking by itself.
constexpr Duration kJoinPatience = seconds(10);
// And for one whose disk has gone back.
constexpr Duration kFallenPatience = std::chrono::minutes(10);
constexpr Duration kLookInterval = milliseconds(500);
// An answer of long ago says nothing any more.
constexpr Duration kDoubtedAtMost = seconds(5);
constexpr std::size_t kJoinsMax = 64;
constexpr std::size_t kRoundsMax = 256;

std::string named(const NodeId& id) {
  return "node " + id.value;
}

}  // namespace

MembershipDesk::MembershipDesk(env::Env env, const NodeOptions& options, Consensus& consensus,
                               Proposer& proposer)
    : env_(env),
      options_(options),
      consensus_(consensus),
      proposer_(proposer),
      ticker_(env, kLookInterval, [this] { set_aside_fallen(); }) {
  ticker_.start();
}

// --- proving leadership, and changes as such

void MembershipDesk::after_round(Done done) {
  if (rounds_.size() >= kRoundsMax) return done(fail(Errc::busy, "too many questions at a time"));
  const raft::RequestId id = ++last_id_;
  rounds_.emplace(id, std::move(done));
  consensus_.read(id);
}

void MembershipDesk::granted(const raft::ReadGranted& granted) {
  auto node = rounds_.extract(granted.id);
  if (!node.empty()) node.mapped()({});
}

void MembershipDesk::submit(Change change) {
  const raft::RequestId id = ++last_id_;
  // It may have waited behind another change, by which the node was removed.
  if (change.of && !LOCKSTEP_BUG(removed_is_promoted)) {
    const auto* now = consensus_.core().membership().find(change.id);
    if (now == nullptr || *now != *change.of)
      return change.done(fail(Errc::refused, named(change.id) + " is not what it was any more"));
  }
  const NodeId node = change.id;
  auto member = change.member;
  const auto name = change.name;
  asked_.emplace(id, std::move(change));
  if (name) return consensus_.name_cluster(id, *name);
  consensus_.change_membership(id, node, std::move(member));
}

void MembershipDesk::accepted(const raft::Accepted& accepted) {
  auto node = asked_.extract(accepted.id);
  proposer_.follow(
      accepted.at,
      life_.guard([done = std::move(node.mapped().done)](Result<node::Answer> answer) mutable {
        if (answer) return done({});
        done(std::unexpected(std::move(answer).error()));
      }));
}

void MembershipDesk::refused(const raft::Refused& refused) {
  if (auto round = rounds_.extract(refused.id); !round.empty())
    return round.mapped()(fail(Errc::not_leader, "not leader"));
  auto node = asked_.extract(refused.id);
  auto& change = node.mapped();
  switch (refused.reason) {
    case raft::Refusal::change_in_progress:
      return retry_later(std::move(change));
    case raft::Refusal::invalid_change:
      return change.done(fail(Errc::invalid, "the change would leave no voter"));
    case raft::Refusal::too_long:
      return change.done(
          fail(Errc::invalid,
               "too many members, or too long ids and addresses: the list of members "
               "may take " +
                   std::to_string(raft::kMembershipBytesMax) + " bytes"));
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

void MembershipDesk::status_changed() {
  if (was_leader_ && !leads()) ++epoch_;
  const bool begins = !was_leader_ && leads();
  was_leader_ = leads();
  if (begins) name_cluster();
  set_aside_fallen();
}

// A cluster that was founded before clusters had names. Whoever leads it gives it one.
void MembershipDesk::name_cluster() {
  if (!consensus_.core().membership().cluster.is_nil()) return;
  submit({.id = options_.self, .member = {}, .done = [](Status) {}, .name = options_.new_cluster});
}

void MembershipDesk::change(NodeId id, std::optional<raft::Member> member, Done done) {
  if (!leads()) return done(fail(Errc::not_leader, "not leader"));
  submit({.id = std::move(id), .member = std::move(member), .done = std::move(done)});
}

void MembershipDesk::change_itself(raft::Member member, Done done) {
  const auto* now = consensus_.core().membership().find(options_.self);
  if (!leads() || now == nullptr) return done(fail(Errc::not_leader, "not leader"));
  submit({.id = options_.self, .member = std::move(member), .done = std::move(done), .of = *now});
}

// --- removal

void MembershipDesk::remove(const NodeId& id, bool force, Done done) {
  if (!leads()) return done(fail(Errc::not_leader, "not leader"));
  const bool is_member = consensus_.core().membership().find(id) != nullptr;
  if (is_member && force) return submit({.id = id, .member = {}, .done = std::move(done)});
  if (!is_member && LOCKSTEP_BUG(removal_from_belief)) return done({});
  // The caller wants it gone. Whether it is, only what is committed tells, and only to one who
  // leads still; whether it may go, those tell who answer from now on.
  const TimePoint began = env_.clock.now();
  after_round([this, id, began, done = std::move(done)](Status status) mutable {
    if (!status) return done(std::move(status));
    decide_removal(id, began, std::move(done));
  });
}

void MembershipDesk::decide_removal(const NodeId& id, TimePoint began, Done done) {
  if (!leads()) return done(fail(Errc::not_leader, "not leader"));
  const auto& core = consensus_.core();
  if (core.membership().find(id) != nullptr) {
    auto why = loss_of_majority(id, began);
    if (!why) return submit({.id = id, .member = {}, .done = std::move(done)});
    if (env_.clock.now() - began >= kHeartbeatsToAnswer * options_.raft.heartbeat_interval)
      return done(fail(Errc::refused, std::move(*why)));
  } else if (core.membership_index() <= core.commit()) {
    return done({});
  }
  env_.turns.at(env_.clock.now() + kRetryInterval,
                life_.guard([this, id, began, epoch = epoch_, done = std::move(done)]() mutable {
                  if (epoch != epoch_) return done(fail(Errc::not_leader, "not leader"));
                  decide_removal(id, began, std::move(done));
                }));
}

bool MembershipDesk::has_answered(const NodeId& id, TimePoint since) const {
  if (id == options_.self) return true;
  const auto heard = consensus_.core().last_contact(id);
  return heard && *heard >= since && !consensus_.core().fallen().contains(id);
}

// Since when it is asked whether the cluster could go on without this voter: who has answered since
// then is there.
TimePoint MembershipDesk::doubted_since(const NodeId& id) {
  return doubted_since_.try_emplace(id, env_.clock.now()).first->second;
}

// Why the voters that would be left could not go on by themselves, as far as they have answered
// since `since`.
std::optional<std::string> MembershipDesk::loss_of_majority(const NodeId& removed,
                                                            TimePoint since) const {
  const auto& core = consensus_.core();
  raft::Membership left = core.membership();
  if (!left.is_voter(removed)) return std::nullopt;
  left.remove(removed);
  std::size_t there = 0;
  std::string silent;
  for (const auto& member : left.members) {
    if (!member.voter) continue;
    if (has_answered(member.id, since)) {
      ++there;
    } else {
      silent += (silent.empty() ? "" : ", ") + member.id.value;
    }
  }
  if (there >= left.quorum() || left.voter_count() == 0) return std::nullopt;
  return "removing node " + removed.value + " would leave " + std::to_string(left.voter_count()) +
         " voters of which " + std::to_string(there) + " answer: no majority (silent: " + silent +
         "). Bring them back or remove them first; \"force\": true removes it all the same";
}

// --- joining

void MembershipDesk::on_join_ask(ClusterId theirs, const wire::JoinAsk& ask) {
  const ClusterId mine = consensus_.cluster();
  if (!theirs.is_nil() && theirs != mine) {
    if (mine.is_nil()) return;  // It cannot tell yet.
    return reply_to_join(ask, Answer::foreign,
                         named(ask.member.id) + " belongs to cluster " + to_string(theirs) +
                             " and cannot join cluster " + to_string(mine) +
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
    const bool all_could_answer =
        env_.clock.now() - since >= kHeartbeatsToAnswer * options_.raft.heartbeat_interval;
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
    return done(fail(Errc::timeout, named(member.id) + " does not answer at " + member.address));
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

// Voters whose disks have gone back become learners; a quorum that does not count on them agrees to
// that. They ask by themselves to be voters again, and are when they hold everything.
void MembershipDesk::set_aside_fallen() {
  if (!leads()) return doubted_since_.clear();
  std::erase_if(doubted_since_,
                [&](const auto& each) { return env_.clock.now() - each.second >= kDoubtedAtMost; });
  for (const auto& [id, last] : consensus_.core().fallen()) {
    const auto* member = consensus_.core().membership().find(id);
    if (member == nullptr || joining_.contains(id)) continue;
    if (!doubted_since_.contains(id))
      env_.log.write(LogLevel::error, "members",
                     named(id) + " at " + consensus_.address_of(id) + " has lost entry " +
                         to_string(last.index) +
                         ", which it had acknowledged: its disk is older than it was. It does not "
                         "count until it holds everything again");
    // It gets what it lacks all the same; but a majority must be left that can agree on more.
    if (loss_of_majority(id, doubted_since(id))) continue;
    raft::Member learner = *member;
    learner.voter = false;
    joining_[id] = {};
    submit({.id = id,
            .member = std::move(learner),
            .done = life_.guard([this, member = *member](Status status) {
              auto done = [this, id = member.id](const Status&) { joining_.erase(id); };
              if (!status) return done(status);
              joining_[member.id] = consensus_.core().commit();
              finish_join(member, done, env_.clock.now() + kFallenPatience);
            }),
            .of = *member});
  }
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
