#include "raft/progress.h"

#include <algorithm>

#include "base/check.h"

namespace lockstep::raft {

void Progress::sent(TimePoint now, LogIndex end, std::uint64_t bytes) {
  CHECK(end >= next_);
  CHECK(!needs_image());
  if (probing()) {
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

void Progress::forget(std::uint64_t since) {
  match_ = {};
  since_ = since;
  stop_feeding(Feed::probe, next_);
}

bool Progress::accepted(TimePoint now, LogIndex match, std::uint64_t round) {
  const bool news = match > match_;
  if (news) {
    match_ = match;
    matched_in_round_ = round;
    moved_at_ = now;
  }
  while (!inflight_.empty() && inflight_.front().end <= match_.next()) {
    inflight_bytes_ -= inflight_.front().bytes;
    inflight_.pop_front();
  }
  if (replicating()) {
    next_ = std::max(next_, match_.next());
  } else if (match_.next() >= next_) {
    replicate();
  }
  // A success that reaches less far than the probed place, or the base that an image must reach,
  // answers an older append, or says that the member's disk is behind: the answer is still to come.
  return news;
}

void Progress::rejected(LogIndex rejected, LogIndex next, LogIndex base) {
  if (needs_image()) return;
  if (rejected <= match_) return;  // overtaken by a later success
  if (probing() ? rejected.next() != next_ : rejected >= next_) return;  // an older probe's
  if (probing() && rejected == base) {
    stop_feeding(Feed::image, next_);
    want_notice();  // the first offer need not wait for a heartbeat
    return;
  }
  const LogIndex from = std::max(next, match_.next());
  // A hint that leads nowhere lower: heartbeats ask again, entries would be wasted.
  if (probing() && from >= next_) return;
  probe_from(std::min(from, next_));
}

void Progress::compacted(LogIndex base) {
  if (next_ <= base) stop_feeding(needs_image() ? Feed::image : Feed::probe, base.next());
}

void Progress::probe_from(LogIndex next) {
  stop_feeding(Feed::probe, next);
}

void Progress::stop_feeding(Feed feed, LogIndex next) {
  feed_ = feed;
  probe_sent_ = false;
  probe_end_ = {};
  probe_bytes_ = 0;
  inflight_.clear();
  inflight_bytes_ = 0;
  next_ = next;
}

void Progress::replicate() {
  feed_ = Feed::replicate;
  next_ = match_.next();
  if (probe_end_ <= next_) return;
  // The entries of the probe are on their way, or there and not yet durable.
  inflight_.push_back({probe_end_, probe_bytes_});
  inflight_bytes_ = probe_bytes_;
  next_ = probe_end_;
}

}  // namespace lockstep::raft
