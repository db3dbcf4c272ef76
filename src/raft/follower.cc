// What a follower does with appends (3.5), and when it may say so. What lies at or below its base
// is committed, so every leader whose term it accepts has it, whether an append shows it or not.
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
  const bool fresh_round = hear_leader(message.from, append.round, out);
  if (!holds(append.prev)) return reject(append.prev, out);
  accept_entries(append, out);
  // A heartbeat or a read round does not wait for the disk: it asks who leads, not what is durable.
  answer_leader(/*at_once=*/append.count == 0 || fresh_round, out);
}

bool Core::State::hear_leader(const NodeId& leader, std::uint64_t round, Effects& out) {
  become_follower(hard_.term, leader, out);
  leader_contact_ = now_;
  draw_election_deadline();
  const bool fresh_round = round > round_seen_;
  round_seen_ = std::max(round_seen_, round);
  return fresh_round;
}

bool Core::State::holds(const Position& at) const {
  return at.index < log_.base().index || log_.term_at(at.index) == at.term;
}

void Core::State::reject(const Position& at, Effects& out) {
  // The entry at `at` itself is the wrong one or absent, so the hint lies below it.
  const Position hint = log_.last_at_most(at.index.prev(), at.term);
  send(out, *leader_,
       AppendReply{.success = false, .rejected = at.index, .hint = hint, .round = round_seen_});
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
      if (keep < commit_) {
        out.contradicted = true;
        return;
      }
      CHECK(keep >= matched_ || peers_may_lie());  // a leader never takes back its own entries
      truncate_after(keep, out);
      matched_ = std::min(matched_, keep);
    }
    for (std::size_t i = known; i < entries.size(); ++i) append_entry(entries[i], out);
  }
  matched_ = std::max({matched_, end, log_.base().index});
  set_commit(std::min(append.commit, matched_));
}

LogIndex Core::State::acknowledged() const {
  if (LOCKSTEP_BUG(append_ack_before_sync)) return matched_;
  return std::min(matched_, durable_);
}

void Core::State::answer_leader(bool at_once, Effects& out) {
  const LogIndex ack = acknowledged();
  ack_owed_ = ack < matched_ || !hard_durable();
  if (!hard_durable() && !LOCKSTEP_BUG(append_ack_before_sync)) return;
  if (ack_owed_ && !at_once) return;
  send(out, *leader_, AppendReply{.success = true, .match = ack, .round = round_seen_});
}

void Core::State::pay_ack(Effects& out) {
  if (!ack_owed_ || role_ != Role::follower || !leader_ || !hard_durable()) return;
  // One reply for all appends of this sync: matches are cumulative.
  ack_owed_ = acknowledged() < matched_;
  send(out, *leader_, AppendReply{.success = true, .match = acknowledged(), .round = round_seen_});
}

}  // namespace lockstep::raft
