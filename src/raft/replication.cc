// The leader's side of replication (3.5): what goes to whom, and what counts as committed.
#include <algorithm>
#include <functional>

#include "raft/state.h"

namespace lockstep::raft {

void Core::State::propose(std::vector<Proposal> proposals, Effects& out) {
  for (Proposal& proposal : proposals) {
    if (!leading_ || leading_->transfer) {
      out.refused.push_back({proposal.id, leading_ ? Refusal::transferring : Refusal::not_leader});
      continue;
    }
    const LogIndex index = log_.last_index().next();
    append_entry({.term = hard_.term,
                  .index = index,
                  .kind = EntryKind::command,
                  .payload = std::move(proposal.payload)},
                 out);
    out.accepted.push_back({proposal.id, {index, hard_.term}});
  }
}

void Core::State::on_append_reply(const Message& message, const AppendReply& reply, Effects& out) {
  if (!leading_ || message.term != hard_.term) return;
  const auto found = leading_->progress.find(message.from);
  if (found == leading_->progress.end()) return;  // not a member (any more)
  Progress& progress = found->second;
  // A round that was never asked is nobody's answer.
  const std::uint64_t round = reply.round <= leading_->reads.round ? reply.round : 0;
  // Sent before the member was let in, by the one that had its name before.
  if (round < progress.since() && !LOCKSTEP_BUG(ack_of_lost_disk)) return;
  progress.heard(now_, round);
  if (!reply.success) {
    on_rejection(message.from, progress, reply, out);
  } else if (reply.match <= log_.last_index() &&
             progress.accepted(now_, reply.match, leading_->reads.round)) {
    advance_commit(out);  // may end this leadership
  }
  finish_round(out);
  push_transfer(out);
}

void Core::State::on_rejection(const NodeId& from, Progress& progress, const AppendReply& reply,
                               Effects& out) {
  if (reply.rejected <= progress.match() && !LOCKSTEP_BUG(lost_tail_ignored))
    return suspect(from, progress, reply, out);
  // Skip at once all of this log that cannot be in the other one (5.3 of the paper).
  const LogIndex next = log_.last_at_most(reply.hint.index, reply.hint.term).index.next();
  if (progress.needs_image() && may_reach_base(reply.hint)) return progress.probe_from(next);
  progress.rejected(reply.rejected, next, log_.base().index);
}

// It lacks an entry that it had acknowledged; or this answer is older than that. One to a round
// that began after the acknowledgement was counted cannot be: then its disk has gone back.
void Core::State::suspect(const NodeId& from, Progress& progress, const AppendReply& reply,
                          Effects& out) {
  std::uint64_t& newest = leading_->reads.round;
  if (reply.round > newest || reply.round <= progress.matched_in_round()) {
    if (newest == progress.matched_in_round()) ++newest;
    return progress.want_notice();
  }
  const LogIndex last = progress.match();
  const bool votes = membership().is_voter(from);
  progress.forget(++newest);
  progress.want_notice();
  if (!votes) return;  // Legal: nothing was promised on it.
  leading_->fallen.try_emplace(from, Position{last, log_.term_at(last).value_or(Term{})});
  out.status_changed = true;
}

void Core::State::replicate(Effects& out) {
  for (auto& [id, progress] : leading_->progress) replicate_to(id, progress, out);
}

void Core::State::replicate_to(const NodeId& to, Progress& progress, Effects& out) {
  const bool notice = progress.take_notice();
  bool silent = true;
  if (progress.probing() && !progress.probe_sent()) {
    send_entries(to, progress, out);
    silent = false;
  }
  while (progress.replicating() && progress.next() <= log_.last_index() &&
         progress.inflight_bytes() < options_.inflight_bytes_max) {
    send_entries(to, progress, out);
    silent = false;
  }
  if (notice && silent) send_notice(to, progress, out);
}

void Core::State::send_entries(const NodeId& to, Progress& progress, Effects& out) {
  const LogIndex first = progress.next();
  const TermLog::Span span = log_.span_from(first, options_.message_bytes_max);
  send(out, to,
       Append{.prev = position_at(first.prev()),
              .commit = commit_,
              .round = leading_->reads.round,
              .count = span.count,
              .entries = {}});
  progress.sent(now_, first + span.count, span.bytes);
}

void Core::State::send_notice(const NodeId& to, Progress& progress, Effects& out) {
  if (progress.needs_image()) return offer_image(to, out);
  // Behind what is known to be there, it cannot be refused only because entries on their way are
  // slower than it. In doubt it asks for the end of all that was sent: a refusal then tells where
  // the loss is.
  const bool doubt =
      progress.probing() || progress.is_stalled(now_, 2 * options_.heartbeat_interval);
  const LogIndex prev =
      doubt ? progress.next().prev() : std::max(progress.match(), log_.base().index);
  send(out, to,
       Append{.prev = position_at(prev),
              .commit = commit_,
              .round = leading_->reads.round,
              .count = 0,
              .entries = {}});
  if (progress.probing()) progress.sent(now_, progress.next(), 0);
}

void Core::State::notify_all() {
  for (auto& [id, progress] : leading_->progress) progress.want_notice();
}

void Core::State::advance_commit(Effects& out) {
  std::vector<LogIndex> matches;
  for (const Member& member : membership().members) {
    if (!member.voter && !LOCKSTEP_BUG(learner_counted)) continue;
    if (!leading_->counts(member.id)) continue;
    if (member.id == options_.self) {
      // Its own sync runs beside the followers': until it is done, this copy does not exist.
      matches.push_back(LOCKSTEP_BUG(leader_counts_unsynced) ? log_.last_index() : durable_);
    } else {
      matches.push_back(leading_->progress.at(member.id).match());
    }
  }
  const std::size_t quorum = membership().quorum();
  if (matches.size() < quorum) return;
  const auto nth = matches.begin() + static_cast<std::ptrdiff_t>(quorum - 1);
  std::ranges::nth_element(matches, nth, std::greater<>());
  const LogIndex reached = *nth;
  if (reached <= commit_) return;
  // Counting replicas proves nothing for entries of older terms (Figure 8, 5.4.2 of the paper).
  if (log_.term_at(reached) != hard_.term && !LOCKSTEP_BUG(commit_older_term)) return;
  set_commit(reached);
  resign_if_removed(out);
  if (leading_) start_round(out);
}

void Core::State::set_commit(LogIndex commit) {
  if (commit <= commit_) return;
  CHECK(commit <= log_.last_index());
  commit_ = commit;
  if (LOCKSTEP_BUG(config_on_commit_only)) membership_moved();
}

void Core::State::check_quorum(Effects& out) {
  std::vector<TimePoint> heard;
  for (const Member& member : membership().members) {
    if (!member.voter || !leading_->counts(member.id)) continue;
    heard.push_back(
        member.id == options_.self ? now_ : leading_->progress.at(member.id).contact_or_grace());
  }
  // Of the others too many have lost what they had acknowledged.
  if (heard.size() < membership().quorum()) return become_follower(hard_.term, std::nullopt, out);
  const auto nth = heard.begin() + static_cast<std::ptrdiff_t>(membership().quorum() - 1);
  std::ranges::nth_element(heard, nth, std::greater<>());
  // Since then a quorum may have followed somebody else (6.2).
  const TimePoint alone_at = *nth + options_.election_timeout;
  if (alone_at <= now_) return become_follower(hard_.term, std::nullopt, out);
  leading_->quorum_check_at = alone_at;
}

const Progress* Core::State::progress_of(const NodeId& id) const {
  if (!leading_) return nullptr;
  const auto found = leading_->progress.find(id);
  return found == leading_->progress.end() ? nullptr : &found->second;
}

}  // namespace lockstep::raft
