// Linearizable reads without the log (ReadIndex, 6.4): one quorum round at a time serves all reads
// that were queued before it began.
#include "raft/state.h"

namespace lockstep::raft {

bool Core::State::own_term_committed() const {
  return log_.term_at(commit_) == hard_.term;
}

void Core::State::read(RequestId id, Effects& out) {
  if (!leading_) {
    out.refused.push_back({id, Refusal::not_leader});
    return;
  }
  if (LOCKSTEP_BUG(read_without_quorum)) {
    out.reads.push_back({id, commit_});
    return;
  }
  leading_->reads.waiting.push_back(id);
  start_round(out);
}

void Core::State::start_round(Effects& out) {
  Reads& reads = leading_->reads;
  if (!reads.asked.empty() || reads.waiting.empty()) return;
  // Before that, commit_ may lag behind what earlier leaders acknowledged.
  if (!own_term_committed() && !LOCKSTEP_BUG(read_before_own_commit)) return;
  ++reads.round;
  reads.index = commit_;
  reads.asked.swap(reads.waiting);
  notify_all();  // every append carries the round; heartbeats repeat it if it is lost
  finish_round(out);
}

void Core::State::finish_round(Effects& out) {
  if (!leading_ || leading_->reads.asked.empty()) return;
  Reads& reads = leading_->reads;
  std::size_t answered = 0;
  for (const Member& member : membership().members) {
    if (!member.voter || !leading_->counts(member.id)) continue;
    if (member.id == options_.self || leading_->progress.at(member.id).round() >= reads.round)
      ++answered;
  }
  // A quorum still followed this leader after the reads were asked, so no newer one had committed
  // anything by then.
  if (answered < membership().quorum()) return;
  for (const RequestId id : reads.asked) out.reads.push_back({id, reads.index});
  reads.asked.clear();
  start_round(out);
}

void Core::State::refuse_reads(Effects& out) {
  for (const auto* ids : {&leading_->reads.asked, &leading_->reads.waiting})
    for (const RequestId id : *ids) out.refused.push_back({id, Refusal::leadership_lost});
  leading_->reads = {};
}

}  // namespace lockstep::raft
