// Consensus: one raft::Core with its hands. It passes events in, carries the effects out (writes to
// the log lane, messages to peers, deadlines to timers) and tells the listener the rest.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "env/env.h"
#include "node/entry_cache.h"
#include "node/lifeline.h"
#include "node/log_writer.h"
#include "raft/core.h"
#include "wire/frames.h"

namespace lockstep::node {

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
    std::function<void(bool)> space;  // false: the disk is full, nothing is persisted; true: again
    std::function<void(Error)> failed;
  };

  struct Options {
    raft::Options raft;
    std::uint64_t seed = 0;
    std::uint64_t cache_bytes_max = 0;
    std::string raft_addr;  // this node's
  };

  Consensus(env::Env env, Options options, storage::RaftLog& log, storage::VoteFile& vote,
            raft::Recovered recovered, Listener listener);

  void start();
  void bootstrap(const raft::Membership& membership);
  // From now on this node calls no election of its own accord (it answers those of others), until
  // it is released.
  void hold_elections();
  void release_elections();
  // A core's message arrived from the network.
  void receive(raft::Message message);
  void propose(std::vector<raft::Proposal> proposals);
  void read(raft::RequestId id);
  void change_membership(raft::RequestId id, const NodeId& node,
                         std::optional<raft::Member> member);
  void transfer(raft::RequestId id, std::optional<NodeId> target);
  // See raft::Core::set_fence(); `done` once it is durable and in force.
  void set_fence(raft::Position fence, std::move_only_function<void()> done);
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
  // How many bytes this run of the node has added to the log.
  [[nodiscard]] std::uint64_t log_bytes_written() const { return writer_.bytes_written(); }
  // Reads entries [first, end) of at most `bytes_max` from the log, on its lane. Precondition: all
  // are durable. A failure is final and goes to Listener::failed.
  void fetch(LogIndex first, LogIndex end, std::uint64_t bytes_max,
             std::function<void(std::vector<raft::Entry>)> done);
  // The Raft address of a member, or else the one it wrote from; empty if unknown.
  [[nodiscard]] std::string address_of(const NodeId& id) const;
  // Sends a frame to a node by name; dropped if its address is unknown. See wire/frames.h.
  void post(const NodeId& to, wire::FrameBody body);
  // The same to an address; `to` may be empty where frames allow it.
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

  env::Env env_;
  const NodeId self_;
  const std::string raft_addr_;
  storage::RaftLog& log_;
  storage::VoteFile& vote_;
  raft::Core core_;
  EntryCache cache_;
  LogWriter writer_;
  Listener listener_;
  TimePoint deadline_ = kNever;
  env::TimerId timer_;
  bool held_ = false;
  const std::uint64_t fetches_max_;  // per follower
  // Reads of old entries under way, per follower: bounded, what exceeds it is dropped and asked for
  // again.
  std::map<NodeId, unsigned> fetching_;
  // Where nodes that are no members (yet) wrote from. Bounded.
  std::map<NodeId, std::string> noted_addresses_;
  Lifeline life_;
};

}  // namespace lockstep::node
