// Consensus: one raft::Core with its hands. It passes events in, carries the effects out (writes to
// the log lane, messages to peers, deadlines to timers) and tells the listener the rest.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "env/env.h"
#include "node/addresses.h"
#include "node/entry_cache.h"
#include "node/lifeline.h"
#include "node/log_writer.h"
#include "raft/core.h"
#include "wire/frames.h"

namespace lockstep::node {

class Consensus;

// While one is there, its node calls no election of its own accord (it answers those of others).
class ElectionHold {
 public:
  explicit ElectionHold(Consensus& consensus);
  // Ends it too, but leaves it to the next event to find that an election is due.
  ~ElectionHold();
  ElectionHold(const ElectionHold&) = delete;
  ElectionHold& operator=(const ElectionHold&) = delete;
  // Ends it, and looks at once whether an election is due.
  void release();

 private:
  Consensus* consensus_;  // null: released
};

class Consensus {
 public:
  // All are called inside a turn, after the core's step; they may call back into Consensus.
  struct Listener {
    std::function<void(const raft::Accepted&)> accepted;
    std::function<void(const raft::Refused&)> refused;
    std::function<void(const raft::ReadGranted&)> read_granted;
    std::function<void()> apply_more;
    std::function<void()> status_changed;
    std::function<void()> disk_idle;  // the log lane has nothing queued: the time to propose
    std::function<void(const raft::ImageWanted&)> image_wanted;
    std::function<void()> contradicted;  // see raft::Effects
    std::function<void(bool)> space;  // false: the disk is full, nothing is persisted; true: again
    std::function<void(Error)> failed;
  };

  struct Options {
    raft::Options raft;
    std::uint64_t seed = 0;
    std::uint64_t cache_bytes_max = 0;
    std::string raft_addr;                    // this node's
    storage::VoteFile::Cluster cluster = {};  // nil if the log alone says which
  };

  Consensus(env::Env env, Options options, storage::RaftLog& log, storage::VoteFile& vote,
            raft::Recovered recovered, Listener listener);

  void start();
  void bootstrap(const raft::Membership& membership);
  // A core's message arrived from the network.
  void receive(raft::Message message);
  void propose(std::vector<raft::Proposal> proposals);
  void read(raft::RequestId id);
  void change_membership(raft::RequestId id, const NodeId& node,
                         std::optional<raft::Member> member);
  void name_cluster(raft::RequestId id, ClusterId cluster);
  void transfer(raft::RequestId id, std::optional<NodeId> target);
  // This node was let into `cluster`: `done` once that, and its fence (raft::Core::set_fence()), is
  // durable and in force.
  void admit(raft::Position fence, ClusterId cluster, std::move_only_function<void()> done);
  // Keeps in mind that another cluster has its place for this node.
  void keep_claim(ClusterId by);
  // Stops leading, if it does.
  void resign();
  // The log forgets the entries up to `index`, at leisure. Precondition: they are in the durable
  // database.
  void compact(LogIndex index);
  // Entries up to `index` are applied: the cache may let go of them.
  void applied(LogIndex index);

  [[nodiscard]] const raft::Core& core() const { return core_; }
  [[nodiscard]] const EntryCache& cache() const { return cache_; }
  [[nodiscard]] bool disk_idle() const { return writer_.idle(); }
  // How long the oldest write that is under way has been so; zero if none is.
  [[nodiscard]] Duration disk_waits() const;
  // The cluster that this node belongs to; nil if to none, or to one without a name. It is what the
  // node was told when it was let in, or else what the log says for certain.
  [[nodiscard]] ClusterId cluster() const;
  // The cluster that this one went on from after its quorum was lost for good; nil if none.
  [[nodiscard]] ClusterId recovered_from() const { return recovered_from_; }
  // The newest membership that is committed as far as this node knows, and where it stands.
  [[nodiscard]] const raft::Membership& committed_membership() const;
  // How many bytes this run of the node has added to the log.
  [[nodiscard]] std::uint64_t log_bytes_written() const { return writer_.bytes_written(); }
  // Reads entries [first, end) of at most `bytes_max` from the log, on its lane. Precondition: all
  // are durable. A failure is final and goes to Listener::failed.
  void fetch(LogIndex first, LogIndex end, std::uint64_t bytes_max,
             std::function<void(std::vector<raft::Entry>)> done);
  // Where a node is reached: see AddressBook. Empty if unknown.
  [[nodiscard]] std::string address_of(const NodeId& id) const;
  // Sends a frame to a node by name; dropped if its address is unknown. See wire/frames.h.
  void post(const NodeId& to, wire::FrameBody body);
  // The same to an address; `to` may be empty where frames allow it. Nothing if it is empty.
  void post_to(const std::string& address, const NodeId& to, wire::FrameBody body);
  // A frame came from `id`, which says that it listens at `address`.
  void note_address(const NodeId& id, const std::string& address);

 private:
  template <class Step>
  void step(Step step);
  void carry_out(raft::Effects& effects);
  void send(raft::Message message);
  void fetch_and_send(raft::Message message);
  void persisted(Ticket ticket);
  void set_deadline(TimePoint deadline);
  friend class ElectionHold;
  void hold_elections(bool held);
  void look_at_deadline();

  env::Env env_;
  const NodeId self_;
  const std::string raft_addr_;
  ClusterId cluster_;
  const ClusterId recovered_from_;
  storage::RaftLog& log_;
  storage::VoteFile& vote_;
  raft::Core core_;
  EntryCache cache_;
  LogWriter writer_;
  Listener listener_;
  TimePoint deadline_ = kNever;
  env::TimerId timer_;
  unsigned holds_ = 0;  // ElectionHolds that are there
  std::optional<TimePoint> disk_busy_since_;
  const std::uint64_t fetches_max_;  // per follower
  // Reads of old entries under way, per follower: bounded, what exceeds it is dropped and asked for
  // again.
  std::map<NodeId, unsigned> fetching_;
  AddressBook addresses_;
  Lifeline life_;
};

}  // namespace lockstep::node
