#include "node/membership.h"

#include <algorithm>
#include <utility>

#include "base/bugs.h"

namespace lockstep::node {
namespace {

// How often the leader looks again at what it could not do yet.
constexpr Duration kRetryInterval = milliseconds(50);
// How long it keeps trying to make one whose disk has gone back a voter again.
constexpr Duration kFallenPatience = std::chrono::minutes(10);
constexpr Duration kLookInterval = milliseconds(500);
// An answer of long ago says nothing any more.
constexpr Duration kDoubtedAtMost = seconds(5);
constexpr std::size_t kRoundsMax = 256;

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
      return change.done(
          fail(Errc::refused, "node " + change.id.value + " is not what it was any more"));
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
    if (env_.clock.now() - began >= time_to_answer())
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

// Who is there has answered by then, however it is asked.
Duration MembershipDesk::time_to_answer() const {
  return 4 * options_.raft.heartbeat_interval;
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
                     "node " + id.value + " at " + consensus_.address_of(id) + " has lost entry " +
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
              auto done = [this, whose = member.id](const Status&) { joining_.erase(whose); };
              if (!status) return done(status);
              joining_[member.id] = consensus_.core().commit();
              finish_join(member, done, env_.clock.now() + kFallenPatience);
            }),
            .of = *member});
  }
}

}  // namespace lockstep::node
