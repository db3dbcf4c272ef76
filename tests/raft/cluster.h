// Cluster: cores with in-memory disks and one bag of messages, all moved by hand. What a core hands
// out waits here until somebody persists, delivers or drops it; a crash forgets what was not
// persisted. An Oracle watches every step.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "oracle.h"
#include "raft/core.h"

namespace lockstep::raft::test {

struct Host {
  NodeId id;
  std::unique_ptr<Core> core;  // null while it is down
  // The disk, and what is on its way to it. `log[i]` has index i + 1. Entries up to `base` are
  // compacted: kept for the oracle, hidden from the core.
  HardState hard;
  std::vector<Entry> log;
  LogIndex base;
  std::deque<Write> pending;
  // The log as the core sees it: the disk with all pending writes.
  std::vector<Entry> memory;

  std::optional<ImageWanted> wanted;  // the newest of this life
  TimePoint deadline = kNever;
  LogIndex commit_seen;
  Term led;  // the newest term in which it was seen to lead
  std::uint64_t starts = 0;
};

class Cluster {
 public:
  explicit Cluster(Options options, std::uint64_t seed = 1) : options_(options), seed_(seed) {}

  // An empty node, started.
  void add_node(const NodeId& id);
  // Forms a cluster on its founders and persists that.
  void found(const Membership& membership);

  // Calls the core, if the node is up, and carries out the effects but the durable ones.
  void step(const NodeId& id, const std::function<void(Core&, Effects&)>& call);
  void deadline(const NodeId& id);
  // Takes message `position` out of the bag and hands it to its receiver, or loses it if that is
  // down.
  void deliver(std::size_t position);
  // The oldest pending write becomes durable. False if there is none.
  bool persist(const NodeId& id);
  // Loses all pending writes but the oldest `kept`.
  void crash(const NodeId& id, std::size_t kept);
  // `commit`: what its state machine kept; at most apply_limit() before the crash.
  void restart(const NodeId& id, LogIndex commit);
  void compact(const NodeId& id, LogIndex index);
  // The process of `id` ends, loses all pending writes but the oldest `kept`, takes over the state
  // of `from` at `index` and starts with that. Its log stays if it holds the entry there, and
  // begins after it otherwise. Preconditions: both are up, commit of `id` < index <= apply_limit of
  // `from`.
  void install_image(const NodeId& id, const NodeId& from, LogIndex index, std::size_t kept);

  [[nodiscard]] Host& host(const NodeId& id) { return hosts_.at(id); }
  [[nodiscard]] std::map<NodeId, Host>& hosts() { return hosts_; }
  [[nodiscard]] std::vector<Message>& network() { return network_; }
  [[nodiscard]] Oracle& oracle() { return oracle_; }
  [[nodiscard]] const Oracle& oracle() const { return oracle_; }
  [[nodiscard]] TimePoint now() const { return now_; }
  void advance(Duration by) { now_ += by; }

  // Told of every step's effects, messages filled, before they are carried out.
  std::function<void(const Host&, const Effects&)> on_effects;

 private:
  void absorb(Host& host, Effects effects);
  void watch(Host& host);

  Options options_;
  std::uint64_t seed_;
  TimePoint now_{seconds(1)};
  std::map<NodeId, Host> hosts_;
  std::vector<Message> network_;
  Oracle oracle_;
};

// Voters of the given names; addresses are "NAME:1".
Membership voters(const std::vector<std::string>& names);

}  // namespace lockstep::raft::test
