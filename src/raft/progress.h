// Progress: what a leader knows of one other member's log, and how it feeds it.
//
// probe:     where the logs part is not known; one append at a time, repeated by heartbeats.
// replicate: the member's log is the leader's up to next - 1 as far as sent; appends are pipelined
//            up to a bound of bytes. Anything that looks lost falls back to probe.
// image:     the logs part below the leader's base, where it has nothing left to send: offers of an
//            image take the place of appends, until an answer shows that the member reaches the
//            base.
// Invariants: match < next; base < next <= last + 1; with image, next = base + 1.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "base/ids.h"
#include "base/time.h"

namespace lockstep::raft {

class Progress {
 public:
  // `grace`: taken for the last contact until there was one, so that a new leader or a new member
  // is not found silent at once. `since`: the round from which on its answers count.
  Progress(LogIndex next, TimePoint grace, std::uint64_t since)
      : next_(next), since_(since), grace_(grace) {}

  [[nodiscard]] LogIndex match() const { return match_; }
  [[nodiscard]] LogIndex next() const { return next_; }
  [[nodiscard]] bool probing() const { return feed_ == Feed::probe; }
  [[nodiscard]] bool replicating() const { return feed_ == Feed::replicate; }
  [[nodiscard]] bool needs_image() const { return feed_ == Feed::image; }
  [[nodiscard]] bool probe_sent() const { return probe_sent_; }
  [[nodiscard]] std::uint64_t inflight_bytes() const { return inflight_bytes_; }
  [[nodiscard]] std::uint64_t round() const { return round_; }
  [[nodiscard]] std::uint64_t since() const { return since_; }
  [[nodiscard]] std::optional<TimePoint> contact() const { return contact_; }
  [[nodiscard]] TimePoint contact_or_grace() const { return contact_.value_or(grace_); }
  // Of the newest round when match() last grew. An answer to a later round was given after the
  // member had acknowledged match().
  [[nodiscard]] std::uint64_t matched_in_round() const { return matched_in_round_; }
  // Sent and not acknowledged since `patience`: perhaps lost.
  [[nodiscard]] bool is_stalled(TimePoint now, Duration patience) const {
    return !inflight_.empty() && now - moved_at_ >= patience;
  }

  // An empty append, or an offer, is wanted unless one with entries goes out anyway (heartbeat,
  // read round).
  void want_notice() { notice_wanted_ = true; }
  bool take_notice() { return std::exchange(notice_wanted_, false); }

  // Entries [next, end) left, weighing `bytes` (none if end == next).
  void sent(TimePoint now, LogIndex end, std::uint64_t bytes);
  // The member answered in this term, echoing `round`.
  void heard(TimePoint now, std::uint64_t round);
  // The member's log equals the leader's up to `match`, durably; the newest round is `round`. True
  // if that is news.
  bool accepted(TimePoint now, LogIndex match, std::uint64_t round);
  // The member's log has lost what it had acknowledged: it is asked anew what it holds, and only
  // answers to `since` or a later round count.
  void forget(std::uint64_t since);
  // The member does not have the leader's entry at `rejected`; the best place to go on is `next`,
  // which is above the leader's `base`. Stale rejections are ignored. A probe refused at the base
  // itself was the last one: the member needs an image.
  void rejected(LogIndex rejected, LogIndex next, LogIndex base);
  // The member's log may hold the leader's base after all, and go on at `next`: asks it.
  void probe_from(LogIndex next);
  // Entries up to `base` are compacted away. A member that was to be sent one of them is asked once
  // for the base: it may have got there meanwhile.
  void compacted(LogIndex base);

 private:
  struct Inflight {
    LogIndex end;
    std::uint64_t bytes;
  };
  enum class Feed : std::uint8_t { probe, replicate, image };
  void stop_feeding(Feed feed, LogIndex next);
  void replicate();

  LogIndex match_;
  LogIndex next_;
  Feed feed_ = Feed::probe;
  bool probe_sent_ = false;
  bool notice_wanted_ = false;
  LogIndex probe_end_;  // one past the entries that the probe carried; 0 if it carried none
  std::uint64_t probe_bytes_ = 0;
  std::deque<Inflight> inflight_;  // bounded by Options::inflight_bytes_max
  std::uint64_t inflight_bytes_ = 0;
  std::uint64_t round_ = 0;
  std::uint64_t matched_in_round_ = 0;
  std::uint64_t since_;
  TimePoint moved_at_{};  // when match grew, or the pipeline was empty and something was sent
  TimePoint grace_;
  std::optional<TimePoint> contact_;
};

}  // namespace lockstep::raft
