// One member at a time (4.1): the new configuration is in force wherever it stands in the log.
#include <algorithm>
#include <iterator>
#include <utility>

#include "raft/state.h"

namespace lockstep::raft {

const std::pair<LogIndex, Membership>& Core::State::in_force() const {
  if (forced_) return *forced_;
  if (LOCKSTEP_BUG(config_on_commit_only)) {
    // The first one is taken as given, or no cluster would ever start.
    const std::pair<LogIndex, Membership>* chosen = nullptr;
    for (const auto& known : memberships_)
      if (!known.second.members.empty() && (!chosen || known.first <= commit_)) chosen = &known;
    if (chosen) return *chosen;
  }
  return memberships_.back();
}

const Membership& Core::State::membership_at(LogIndex index) const {
  CHECK(log_.base().index <= index && index <= log_.last_index());
  const auto after =
      std::ranges::upper_bound(memberships_, index, {}, &std::pair<LogIndex, Membership>::first);
  CHECK(after != memberships_.begin());
  return std::prev(after)->second;
}

void Core::State::membership_moved() {
  if (!leading_) return;
  auto& progress = leading_->progress;
  std::erase_if(progress, [&](const auto& known) { return !membership().find(known.first); });
  // A learner counts for nothing anyway; made a voter again, it holds everything again.
  std::erase_if(leading_->fallen,
                [&](const auto& known) { return !membership().is_voter(known.first); });
  // Who is let in may have been a member before, and lost with its disk what it acknowledged then.
  // Such an answer may still be on its way; it echoes an older round.
  const bool let_in = std::ranges::any_of(membership().members, [&](const Member& member) {
    return member.id != options_.self && !progress.contains(member.id);
  });
  if (let_in) ++leading_->reads.round;
  meet_members();
  // Another quorum: look again at once.
  leading_->quorum_check_at =
      std::min(leading_->quorum_check_at, now_ + options_.heartbeat_interval);
}

void Core::State::meet_members() {
  for (const Member& member : membership().members) {
    if (member.id == options_.self) continue;
    leading_->progress.try_emplace(member.id, log_.last_index().next(), now_,
                                   leading_->reads.round);
  }
}

void Core::State::change_membership(RequestId id, const NodeId& node, std::optional<Member> member,
                                    Effects& out) {
  const auto refuse = [&](Refusal reason) { out.refused.push_back({id, reason}); };
  if (!leading_) return refuse(Refusal::not_leader);
  if (leading_->transfer) return refuse(Refusal::transferring);
  if (in_force().first > commit_) return refuse(Refusal::change_in_progress);
  // Without an entry of this term committed, a change of an older leader may still come to life,
  // and two configurations that share no quorum would be in force (Ongaro, raft-dev 2015).
  if (!own_term_committed() && !LOCKSTEP_BUG(change_before_own_commit))
    return refuse(Refusal::change_in_progress);

  Membership changed = membership();
  if (member) {
    if (member->id != node || node.value.empty()) return refuse(Refusal::invalid_change);
    changed.put(std::move(*member));
  } else {
    if (!changed.find(node)) return refuse(Refusal::invalid_change);
    changed.remove(node);
  }
  if (changed.voter_count() == 0) return refuse(Refusal::invalid_change);
  propose_membership(id, changed, out);
}

void Core::State::name_cluster(RequestId id, ClusterId cluster, Effects& out) {
  const auto refuse = [&](Refusal reason) { out.refused.push_back({id, reason}); };
  if (!leading_) return refuse(Refusal::not_leader);
  if (in_force().first > commit_ || !own_term_committed() || leading_->transfer)
    return refuse(Refusal::change_in_progress);
  if (!membership().cluster.is_nil() || cluster.is_nil()) return refuse(Refusal::invalid_change);
  Membership named = membership();
  named.cluster = cluster;
  propose_membership(id, named, out);
}

void Core::State::propose_membership(RequestId id, const Membership& changed, Effects& out) {
  std::string payload = encode(changed);
  // It must fit into every place that a membership is kept in.
  if (payload.size() > kMembershipBytesMax) {
    out.refused.push_back({id, Refusal::too_long});
    return;
  }
  const LogIndex index = log_.last_index().next();
  append_entry({.term = hard_.term,
                .index = index,
                .kind = EntryKind::config,
                .payload = Blob(std::move(payload))},
               out);
  out.accepted.push_back({id, {index, hard_.term}});
  // A smaller quorum may already hold what was not committed before.
  advance_commit(out);
}

void Core::State::resign_if_removed(Effects& out) {
  if (is_voter() || in_force().first > commit_) return;
  // Others learn here that the change is committed.
  for (auto& [id, progress] : leading_->progress) send_notice(id, progress, out);
  resign(out);
}

}  // namespace lockstep::raft
