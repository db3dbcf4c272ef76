#include "raft/progress.h"

#include <algorithm>

#include "base/check.h"

namespace lockstep::raft {

void Progress::sent(TimePoint now, LogIndex end, std::uint64_t bytes) {
  CHECK(end >= next_);
  if (probing_) {
    // An empty one follows when no answer came: what the first one carried is taken for lost.
    probe_sent_ = true;
    probe_end_ = end > next_ ? end : LogIndex{};
    probe_bytes_ = bytes;
    return;
  }
  if (end == next_) return;
  if (inflight_.empty()) moved_at_ = now;
  inflight_.push_back({end, bytes});
  inflight_bytes_ += bytes;
  next_ = end;
}

void Progress::heard(TimePoint now, std::uint64_t round) {
  contact_ = now;
  round_ = std::max(round_, round);
}

bool Progress::accepted(TimePoint now, LogIndex match) {
  const bool news = match > match_;
  if (news) {
    match_ = match;
    moved_at_ = now;
  }
  while (!inflight_.empty() && inflight_.front().end <= match_.next()) {
    inflight_bytes_ -= inflight_.front().bytes;
    inflight_.pop_front();
  }
  // A success that reaches less far than the probed place answers an older append, or says that the
  // member's disk is behind; the probe's own answer is still to come.
  if (probing_) {
    if (match_.next() >= next_) replicate();
  } else {
    next_ = std::max(next_, match_.next());
  }
  return news;
}

bool Progress::rejected(LogIndex rejected, LogIndex next) {
  if (rejected <= match_) return false;  // overtaken by a later success
  if (probing_ ? rejected.next() != next_ : rejected >= next_) return false;  // an older probe's
  const LogIndex from = std::max(next, match_.next());
  // Nowhere lower to go (the log is compacted): heartbeats ask again, entries would be wasted.
  const bool stuck = probing_ && from >= next_;
  if (stuck) return false;
  probe_from(std::min(from, next_));
  return true;
}

void Progress::raise_next(LogIndex next) {
  if (next_ < next) probe_from(next);
}

void Progress::probe_from(LogIndex next) {
  probing_ = true;
  probe_sent_ = false;
  probe_end_ = {};
  probe_bytes_ = 0;
  inflight_.clear();
  inflight_bytes_ = 0;
  next_ = next;
}

void Progress::replicate() {
  probing_ = false;
  next_ = match_.next();
  if (probe_end_ <= next_) return;
  // The entries of the probe are on their way, or there and not yet durable.
  inflight_.push_back({probe_end_, probe_bytes_});
  inflight_bytes_ = probe_bytes_;
  next_ = probe_end_;
}

}  // namespace lockstep::raft
