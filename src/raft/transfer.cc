// Leadership transfer (3.10): stop taking proposals, bring the target up to date, tell it to
// campaign at once.
#include <utility>

#include "raft/state.h"

namespace lockstep::raft {

std::optional<NodeId> Core::State::best_successor() const {
  std::optional<NodeId> best;
  std::pair<LogIndex, TimePoint> best_rank;  // longest log, then last heard
  for (const auto& [id, progress] : leading_->progress) {
    // Who still needs an image cannot win: its log is older than what is committed.
    if (!membership().is_voter(id) || progress.needs_image() || !leading_->counts(id)) continue;
    const std::pair rank{progress.match(), progress.contact_or_grace()};
    if (best && rank <= best_rank) continue;
    best = id;
    best_rank = rank;
  }
  return best;
}

void Core::State::transfer(RequestId id, std::optional<NodeId> target, Effects& out) {
  const auto refuse = [&](Refusal reason) { out.refused.push_back({id, reason}); };
  if (!leading_) return refuse(Refusal::not_leader);
  if (leading_->transfer) return refuse(Refusal::transferring);
  if (!target) target = best_successor();
  if (!target || *target == options_.self || !membership().is_voter(*target))
    return refuse(Refusal::invalid_change);
  // An image takes longer than proposals can be kept waiting.
  if (leading_->progress.at(*target).needs_image()) return refuse(Refusal::invalid_change);
  leading_->transfer =
      Transfer{.target = *target, .give_up_at = now_ + options_.election_timeout, .told = false};
  out.accepted.push_back({id, {}});
  push_transfer(out);
}

void Core::State::push_transfer(Effects& out) {
  if (!leading_ || !leading_->transfer) return;
  Transfer& handover = *leading_->transfer;
  const auto target = leading_->progress.find(handover.target);
  if (target == leading_->progress.end()) return;
  if (handover.told || target->second.match() != log_.last_index()) return;
  handover.told = true;
  send(out, handover.target, TimeoutNow{});
}

void Core::State::resign(Effects& out) {
  // One of the others need not wait for a timeout.
  if (const std::optional<NodeId> successor = best_successor()) send(out, *successor, TimeoutNow{});
  become_follower(hard_.term, std::nullopt, out);
}

void Core::State::on_timeout_now(const Message& message, Effects& out) {
  if (message.term != hard_.term || role_ == Role::leader || !may_campaign()) return;
  // No pre-vote: the leader itself asks for this, and stickiness would refuse it.
  become_candidate(/*transfer=*/true, out);
}

}  // namespace lockstep::raft
