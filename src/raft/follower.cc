// What a follower does with appends (3.5), and when it may say so.
#include <algorithm>

#include "raft/state.h"

namespace lockstep::raft {

void Core::State::on_append(const Message& message, const Append& append, Effects& out) {
  if (message.term < hard_.term) {
    // The reply's term is what matters: it makes a deposed leader step down.
    send(out, message.from, AppendReply{.success = false, .rejected = append.prev.index});
    return;
  }
  if (leading_) return;  // a second leader of one term: not this node's lie, and nothing to learn
  become_follower(hard_.term, message.from, out);
  leader_contact_ = now_;
  draw_election_deadline();
  const bool fresh_round = append.round > round_seen_;
  round_seen_ = std::max(round_seen_, append.round);

  // Below the base all is committed, and every leader has it.
  const LogIndex prev = append.prev.index;
  const bool fits = prev < log_.base().index || log_.term_at(prev) == append.prev.term;
  if (!fits) {
    // The entry at `prev` itself is the wrong one or absent, so the hint lies below it.
    const Position hint = log_.last_at_most(prev.prev(), append.prev.term);
    send(out, message.from,
         AppendReply{.success = false, .rejected = prev, .hint = hint, .round = round_seen_});
    return;
  }
  accept_entries(append, out);
  answer_append(append, fresh_round, out);
}

void Core::State::accept_entries(const Append& append, Effects& out) {
  const std::vector<Entry>& entries = append.entries;
  const LogIndex end = append.prev.index + entries.size();  // the last one that matches from here
  std::size_t known = 0;
  // Entries that are there already are left alone: an old append must not cut what later ones
  // brought, for that was acknowledged.
  while (known < entries.size()) {
    const Entry& entry = entries[known];
    const bool compacted = entry.index <= log_.base().index;
    if (!compacted && log_.term_at(entry.index) != entry.term) {
      const bool conflict = entry.index <= log_.last_index();
      if (!conflict || !LOCKSTEP_BUG(keep_conflicting_tail)) break;
    }
    ++known;
  }
  if (LOCKSTEP_BUG(truncate_matching) && !entries.empty() && end < log_.last_index()) {
    known = 0;
    while (known < entries.size() && entries[known].index <= commit_) ++known;
    if (known < entries.size()) matched_ = entries[known].index.prev();
  }
  if (known < entries.size()) {
    const LogIndex keep = entries[known].index.prev();
    if (keep < log_.last_index()) {
      if (keep < commit_ && peers_may_lie()) return;
      CHECK(keep >= matched_ || peers_may_lie());  // a leader never takes back its own entries
      truncate_after(keep, out);
      matched_ = std::min(matched_, keep);
    }
    for (std::size_t i = known; i < entries.size(); ++i) append_entry(entries[i], out);
  }
  matched_ = std::max(matched_, end);
  set_commit(std::min(append.commit, matched_));
}

LogIndex Core::State::acknowledged() const {
  if (LOCKSTEP_BUG(append_ack_before_sync)) return matched_;
  return std::min(matched_, durable_);
}

void Core::State::answer_append(const Append& append, bool fresh_round, Effects& out) {
  const LogIndex ack = acknowledged();
  ack_owed_ = ack < matched_ || !hard_durable();
  if (!hard_durable() && !LOCKSTEP_BUG(append_ack_before_sync)) return;
  // A heartbeat or a read round does not wait for the disk: it asks who leads, not what is durable.
  const bool says_something = !ack_owed_ || append.count == 0 || fresh_round;
  if (!says_something) return;
  send(out, *leader_, AppendReply{.success = true, .match = ack, .round = round_seen_});
}

void Core::State::pay_ack(Effects& out) {
  if (!ack_owed_ || role_ != Role::follower || !leader_ || !hard_durable()) return;
  // One reply for all appends of this sync: matches are cumulative.
  ack_owed_ = acknowledged() < matched_;
  send(out, *leader_, AppendReply{.success = true, .match = acknowledged(), .round = round_seen_});
}

}  // namespace lockstep::raft
