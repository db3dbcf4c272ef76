// raft::Core: the consensus algorithm as a pure function of (seed, recovered state, events). No
// I/O, no clock, no thread, no bytes of its own: each call takes an event and the current time and
// fills an Effects. Source: Ongaro, "Consensus: Bridging Theory and Practice" (2014); section
// numbers refer to it.
//
// The host has two duties:
//
//  1. Carry out Effects::write in order, and call persisted(ticket) once it is durable: never
//     before, and never if it failed (a failed write ends the process).
//
//  2. Call deadline_reached() once `now >= Effects::deadline`. Calling it early or often is
//     harmless.
//
// The core withholds every message that depends on a write until its ticket is persisted, so the
// host sends whatever appears in Effects::messages at once. Tickets, not indexes, acknowledge
// durability.
//
// All calls are turns of one node. `now` never goes backwards. Effects are appended to; the host
// empties them.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/rng.h"
#include "base/time.h"
#include "raft/membership.h"
#include "raft/messages.h"

namespace lockstep::raft {

struct Options {
  NodeId self;
  Duration heartbeat_interval = milliseconds(50);
  // Elections start after a silence drawn uniformly from [election_timeout, 2 * election_timeout).
  Duration election_timeout = milliseconds(300);
  // Bounds of what is sent to one follower and not yet acknowledged (flow control), and of one
  // message.
  std::uint64_t inflight_bytes_max = 4u << 20;
  // The first campaign of a life goes up to so many terms ahead, by draw. Where disks have gone
  // back a term may come a second time; a leader that draws makes two histories that part differ in
  // their terms as well, so that they are found to contradict each other and never mix unnoticed.
  std::uint64_t first_term_jump_max = 0;
  std::uint64_t message_bytes_max = 512u << 10;
};

struct HardState {
  Term term;
  std::optional<NodeId> vote;  // whom this node voted for in `term`
  friend bool operator==(const HardState&, const HardState&) = default;
};

// What storage found at start. `terms[i]` and `sizes[i]` belong to entry base.index + 1 + i.
struct Recovered {
  // Covers the term of every entry. Only `base`, if it came with an image, may be of a newer term:
  // start() then writes that one down.
  HardState hard;
  Position base;  // the entry before the first one in the log ({0,0} without compaction)
  Membership
      base_membership;  // in force at `base`; empty for a node that never belonged to a cluster
  std::vector<Term> terms;
  std::vector<std::uint32_t> sizes;                          // payload bytes
  std::vector<std::pair<LogIndex, Membership>> memberships;  // of the `config` entries, ascending
  // In force whatever the log says, until an entry with this very membership is in it; the leader
  // appends one. For members who go on after the quorum was lost for good: all that are left must
  // be given the same, and the others must never come back. (What was committed by those who are
  // gone alone is lost.)
  std::optional<Membership> forced;
  // This node was admitted while it held nothing (it may have lost its disk): it neither votes nor
  // campaigns before its log durably holds this entry. {0, 0}: no such bound.
  Position fence;
  LogIndex commit;  // known committed (the durable state machine's index); at least base.index
};

enum class Role { follower, pre_candidate, candidate, leader };

// Names a request of the host within one Core's life; chosen by the host, unique.
using RequestId = std::uint64_t;

struct Proposal {
  RequestId id = 0;
  Blob payload;
};

enum class Refusal {
  not_leader,          // certainly not appended
  transferring,        // leadership is being handed over; certainly not appended
  change_in_progress,  // membership: another change is not committed yet, or no entry of this term
                       // is (4.1)
  invalid_change,      // membership: it would leave no voter, or names an unknown member
  too_long,            // membership: longer than kMembershipBytesMax
  leadership_lost,     // read: this node stopped leading before the round was answered
};

// One durable step. Carried out in this order: hard state, truncate, append; then one sync.
struct Write {
  Ticket ticket;
  std::optional<HardState> hard;
  std::optional<LogIndex> truncate_after;  // entries above it are dropped
  std::vector<Entry> entries;              // consecutive; the first follows what is left
};

struct Accepted {
  RequestId id;
  Position at;  // appended here; committed iff the entry committed at this index has this term
};

struct Refused {
  RequestId id;
  Refusal reason;
};

struct ReadGranted {
  RequestId id;
  LogIndex index;  // linearizable once this node has applied `index`
};

// The leader's log begins after what this node has: only an image of the state helps. Repeated
// with every offer until the log reaches `at`.
struct ImageWanted {
  NodeId from;  // the leader that offers it
  Position at;  // the image must stand here or later
};

struct Effects {
  std::optional<Write> write;
  std::optional<ImageWanted> image_wanted;
  std::vector<Message> messages;
  std::vector<Accepted> accepted;
  std::vector<Refused> refused;
  std::vector<ReadGranted> reads;
  // The leader's log contradicts what is committed here: a quorum has lost what it had promised.
  // Nothing was changed; this node must not go on beside it.
  bool contradicted = false;
  // Some of role(), term(), leader() changed during this call.
  bool status_changed = false;
  // apply_limit() grew.
  bool apply_more = false;
  // When deadline_reached() must be called at the latest. kNever if nothing is due.
  TimePoint deadline = kNever;
};

class Core {
 public:
  // `seed` drives election timeouts only. Precondition: options.self not empty; `recovered`
  // consistent.
  Core(Options options, std::uint64_t seed, Recovered recovered, TimePoint now);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // First call after construction: sets the deadline. A lone voter campaigns at once.
  void start(TimePoint now, Effects& out);
  // Forms a new cluster with the given voters as entry 1 of term 1. Legal only on a node whose log,
  // term and membership are empty; returns false (and does nothing) otherwise. All founding nodes
  // must be given the same.
  bool bootstrap(TimePoint now, const Membership& membership, Effects& out);
  void deadline_reached(TimePoint now, Effects& out);
  // Messages for another node, or from a node outside every known membership, are handled as safely
  // as any other.
  void receive(TimePoint now, Message message, Effects& out);
  // Appends the commands as one write, in order; each is answered by one Accepted or Refused in
  // this call.
  void propose(TimePoint now, std::vector<Proposal> proposals, Effects& out);
  // Asks for a linearizable read; answered now or later by one ReadGranted or Refused. Reads asked
  // while a quorum round is under way share the next round.
  void read(TimePoint now, RequestId id, Effects& out);
  // Adds, replaces (same id) or removes ONE member (4.1, with the own-term rule); answered by
  // Accepted or Refused now. `member` empty: removes `id`. A removed leader steps down once the
  // change is committed.
  void change_membership(TimePoint now, RequestId id, const NodeId& node,
                         std::optional<Member> member, Effects& out);
  // Gives a cluster that has no name yet (Membership::cluster) this one; answered as above.
  // invalid_change: it has one.
  void name_cluster(TimePoint now, RequestId id, ClusterId cluster, Effects& out);
  // Leadership transfer (3.10) to `target`, or to the most up-to-date voter. Refused or accepted
  // (position {0,0}) now. Given up after one election timeout; proposals are refused meanwhile. A
  // target that needs an image is refused as an invalid change.
  void transfer(TimePoint now, RequestId id, std::optional<NodeId> target, Effects& out);
  // A leader steps down at once and tells its best successor to campaign; nothing for others. For a
  // node whose disk takes no more. It may be elected again.
  void resign(TimePoint now, Effects& out);
  // The write with this ticket, and all before it, is durable.
  void persisted(TimePoint now, Ticket ticket, Effects& out);
  // As Recovered::fence, from now on; the caller has made it durable.
  void set_fence(Position fence);
  // While held, this node calls no election of its own accord; it answers those of others, and
  // may be told to campaign by a leader.
  void hold_elections(bool held);
  // Entries up to `index` may be forgotten by the log (compaction). Precondition: index <=
  // apply_limit().
  void compacted(LogIndex index);

  [[nodiscard]] Role role() const;
  [[nodiscard]] Term term() const;
  // Whom this node believes to lead `term()`; itself if leader.
  [[nodiscard]] std::optional<NodeId> leader() const;
  [[nodiscard]] LogIndex commit() const;
  // Entries up to here may be applied: min(commit, durable here).
  [[nodiscard]] LogIndex apply_limit() const;
  [[nodiscard]] LogIndex first_index() const;
  [[nodiscard]] LogIndex last_index() const;
  [[nodiscard]] LogIndex durable_index() const;
  // Term of an entry in [first_index() - 1, last_index()]; nullopt outside.
  [[nodiscard]] std::optional<Term> term_at(LogIndex index) const;
  // The membership in force: the newest in the log, committed or not.
  [[nodiscard]] const Membership& membership() const;
  [[nodiscard]] LogIndex membership_index() const;
  // The membership that was in force at `index`: what an image of that state is labelled with.
  // Precondition: first_index() - 1 <= index <= last_index().
  [[nodiscard]] const Membership& membership_at(LogIndex index) const;
  // Leader only: how far the member's log is known to be the leader's, durably; nullopt if it is no
  // other member, or this node does not lead.
  [[nodiscard]] std::optional<LogIndex> match_index(const NodeId& id) const;
  [[nodiscard]] HardState hard_state() const;
  // Leader only: when the member last answered in this term; nullopt if never or not leader.
  [[nodiscard]] std::optional<TimePoint> last_contact(const NodeId& id) const;
  // Leader only: the voters whose logs have lost what they had acknowledged in this term, each with
  // the last such entry (their disks have gone back). They count for nothing until they are made
  // learners and, holding everything again, voters. Empty if not leader.
  [[nodiscard]] std::map<NodeId, Position> fallen() const;
  // The membership that must be in force before anything else (Recovered::forced) is not in the log
  // yet.
  [[nodiscard]] bool is_recovering() const;
  // This node was let in while it held nothing, and its log does not hold yet what it must hold
  // before it may vote (Recovered::fence).
  [[nodiscard]] bool is_fenced() const;
  // Follower: when a valid leader of the current term was last heard.
  [[nodiscard]] std::optional<TimePoint> leader_contact() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::raft
