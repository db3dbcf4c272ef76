// What consensus cores say to each other. Values; wire/ turns them into bytes. Names follow
// Ongaro's dissertation (section 3.3-3.6), with the pre-vote of section 9.6 and the read rounds of
// section 6.4.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "base/blob.h"
#include "base/ids.h"

namespace lockstep::raft {

enum class EntryKind : std::uint8_t {
  noop = 0,     // a new leader's first entry; no payload
  command = 1,  // payload: wire::Command
  config = 2,   // payload: encode(Membership)
};

struct Entry {
  Term term;
  LogIndex index;
  EntryKind kind = EntryKind::noop;
  Blob payload;
  friend bool operator==(const Entry&, const Entry&) = default;
};

// The end of somebody's log, or any point in it. {0, 0} is the point before the first entry.
struct Position {
  LogIndex index;
  Term term;
  friend bool operator==(const Position&, const Position&) = default;
};

// "At least as up to date" of section 3.6.1: higher term of the last entry, then longer log.
inline bool at_least_as_up_to_date(const Position& a, const Position& b) {
  return a.term != b.term ? a.term > b.term : a.index >= b.index;
}

struct VoteAsk {
  bool pre_vote = false;  // asks "would you?" for Message::term; changes nothing at the receiver
  bool transfer = false;  // the leader asked for this election: ignore leader stickiness
  Position last{};        // the candidate's log end
};

struct VoteReply {
  bool pre_vote = false;
  bool granted = false;
};

// Log replication, heartbeat and read round in one. Leaves the core with `entries` empty and
// `count` > 0 when it carries entries: the host fills entries (prev.index, prev.index + count], or
// drops the message. Arrives with entries.size() == count.
struct Append {
  Position prev{};
  LogIndex commit{};
  std::uint64_t round = 0;  // the leader's newest read round; echoed in the reply
  std::uint64_t count = 0;
  std::vector<Entry> entries{};
};

struct AppendReply {
  bool success = false;
  // success: every entry up to here equals the leader's and is durable at the sender.
  LogIndex match{};
  // failure: the prev.index that did not fit, and where to try next: the sender's last position
  // whose term is at most the leader's prev.term (fast back-tracking, section 5.3 of the paper).
  LogIndex rejected{};
  Position hint{};
  std::uint64_t round = 0;
};

// "My log no longer reaches back to where yours ends: fetch an image of the state at or after `at`"
// (the pulled form of section 5's InstallSnapshot). Sent in place of heartbeats, and answered like
// one: by a failed AppendReply with `rejected` = at.index, or by a successful one if the receiver's
// log holds `at` after all.
struct ImageOffer {
  Position at{};            // the leader's log begins after it
  std::uint64_t round = 0;  // as in Append
};

// "Campaign at once" (leadership transfer, section 3.10).
struct TimeoutNow {};

struct Message {
  NodeId from;
  NodeId to;
  Term term;  // the sender's term; for a pre-vote ask the term it would campaign in
  std::variant<VoteAsk, VoteReply, Append, AppendReply, TimeoutNow, ImageOffer> body;
};

}  // namespace lockstep::raft
