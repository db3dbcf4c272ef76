// World: a cluster of simulated machines on one virtual time line, with the oracles that watch it.
// The fuzzing run (run.h) and the scripted dramas of tests/sim use it alike: let time pass, break
// something, ask something.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/handler.h"
#include "sim/client_link.h"
#include "sim/event_queue.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "sim/raft_oracle.h"
#include "sim/swarm.h"
#include "sim/trace.h"
#include "sim/violation.h"
#include "sim/wire_oracle.h"

namespace lockstep::sim {

// How a machine belongs to the cluster.
enum class Membership { none, learner, voter };

class World final : public MachineHost {
 public:
  World(std::uint64_t seed, Swarm swarm, Trace::Sink text = nullptr);
  ~World() override;

  // Starts every machine: the first forms a cluster and the others join it, or (Swarm::expect) they
  // form one together.
  void start();
  // Runs events until `enough` holds or `bound` has passed or a promise is broken. True: it holds.
  bool run_until(const std::function<bool()>& enough, Duration bound);
  void run_for(Duration span);

  // Faults. A crashed machine starts again after `restart_after`, or stays off.
  void crash(std::size_t machine, Crash crash, std::optional<Duration> restart_after);
  // The process of the machine dies in a job; it starts again after `restart_after`.
  void crash_in_job(std::size_t machine, std::uint64_t operations, Crash crash,
                    Duration restart_after);
  // Starts a machine that is off. A failure that no fault explains is a violation.
  void start_machine(std::size_t machine);
  void pause(std::size_t machine, Duration span);
  void fail_syncs(std::size_t machine, unsigned count);
  // Flips a bit in a file of a machine that is off. It must notice sooner or later, and repair
  // itself from the others. False: there is nothing to flip.
  bool rot(std::size_t machine, Rng& rng);
  // The machine is killed and gets an empty disk. `replace`: as an operator would, it is removed,
  // and so let in again under its name. Until it is, a network that doubles frames at the worst
  // time brings it once more what it was asked before: for its vote.
  void lose_disk(std::size_t machine, Duration restart_after, bool replace);
  // The machine is killed, and starts again at another address; the others' join lists name that
  // from their next start on.
  void move_machine(std::size_t machine, Duration restart_after);
  // The machine is killed, and its disk becomes what it was at keep_disk(), as by a snapshot of a
  // virtual machine.
  void keep_disk(std::size_t machine);
  void roll_back_disk(std::size_t machine, Duration restart_after);
  // The machine's disk is full for a while, or has room again.
  void set_full(std::size_t machine, bool full) { machines_[machine]->disk().set_full(full); }
  // Asks whoever leads for a change of the membership; nothing if nobody does.
  void change_member(std::size_t machine, Membership wanted);
  // What the machine was meant to be from the start.
  [[nodiscard]] Membership usual_membership(std::size_t machine) const;
  // From its next start on the machine goes on with these members, whatever its log says.
  void recover_with(std::size_t machine, std::optional<raft::Membership> members) {
    raft_oracle_->allow_recovery();
    recovery_allowed_ = true;
    lives_[machine].recover_members = std::move(members);
  }
  // Ends all faults: links, disks and clocks are sound, every machine runs.
  void heal();

  // Who leads, as far as running machines know: the leader of the highest term.
  [[nodiscard]] std::optional<std::size_t> leader() const;
  // Another machine that still believes to lead, in the oldest term.
  [[nodiscard]] std::optional<std::size_t> deposed_leader() const;
  // Every machine that can run does, and has applied all of one leader's log.
  [[nodiscard]] bool converged() const;
  // What keeps the cluster from that, one line.
  [[nodiscard]] std::string progress_text() const;
  // Sends a request and lets time pass until the answer comes or `bound` is over.
  std::optional<api::Response> ask(std::size_t machine, api::Request request,
                                   Duration bound = seconds(5));

  [[nodiscard]] std::size_t size() const { return machines_.size(); }
  [[nodiscard]] Machine& machine(std::size_t number) { return *machines_[number]; }
  [[nodiscard]] const Machine& machine(std::size_t number) const { return *machines_[number]; }
  // Refuses to start for good, because its disk rotted.
  [[nodiscard]] bool is_lost(std::size_t number) const { return lives_[number].lost; }
  [[nodiscard]] const Swarm& swarm() const { return swarm_; }
  [[nodiscard]] const Rng& rng() const { return rng_; }
  [[nodiscard]] EventQueue& queue() { return queue_; }
  [[nodiscard]] TimePoint now() const { return queue_.now(); }
  [[nodiscard]] Trace& trace() { return trace_; }
  [[nodiscard]] SimNetwork& network() { return network_; }
  [[nodiscard]] ClientLink& clients() { return *clients_; }
  [[nodiscard]] Violations& violations() { return violations_; }
  [[nodiscard]] const RaftOracle& raft_oracle() const { return *raft_oracle_; }
  [[nodiscard]] const WireOracle& wire_oracle() const { return wire_oracle_; }

  // How often a machine began to repair itself, and took an image over.
  [[nodiscard]] std::uint64_t repairs() const { return repairs_; }
  [[nodiscard]] std::uint64_t reopenings() const { return reopenings_; }

  // Called when a machine has sent a promise, when one has begun to lead, and inside the job that
  // writes to a log.
  std::function<void(std::size_t machine, Promise promise)> on_promise;
  std::function<void(std::size_t machine)> on_new_leader;
  std::function<void(std::size_t machine)> on_log_write;
  // May change what a machine is started with.
  std::function<void(std::size_t machine, node::NodeOptions& options)> on_start;
  // Called just before a machine opens again what an image or a repair has left on its disk.
  std::function<void(std::size_t machine)> on_reopen;

  // MachineHost.
  void after_step(Machine& machine) override;
  void process_ended(Machine& machine, std::optional<node::End> end) override;
  void sync_failed(Machine& machine) override;
  void log_written(Machine& machine, std::string_view bytes) override;

 private:
  struct Life {
    std::optional<raft::Membership> recover_members;
    bool started_once = false;
    bool lost = false;
    bool reopens = false;       // the next start takes an image over, or follows a repair
    bool rotten = false;        // a bit was flipped: refusing to start is right
    bool told_to_join = false;  // it was removed, and must join like any other
    bool rolled_back = false;   // its disk was an older copy once: it may have lost anything
    std::map<std::string, std::string> kept_disk;  // files by name
    bool replaced = false;     // its disk is a new one, and no leader has admitted it yet
    bool may_stop = false;     // a fault explains why this process stops itself
    Duration restart_after{};  // for a process that ends by itself
    EventQueue::Id restart;
    std::uint64_t pauses = 0;
    std::deque<std::string> vote_asks;  // the last frames that asked for its vote
    std::deque<std::string> acks;       // the last that it sent before it lost its disk
  };
  void add_machine(std::size_t number);
  node::NodeOptions node_options(std::size_t number, std::uint64_t start) const;
  void check_fallen(const raft::Core& core);
  bool is_of_this_cluster(const Machine& machine);
  void restore_members();
  void replace_member(std::size_t machine);
  void keep_for_late(std::string_view bytes);
  void deliver_late(const std::deque<std::string>& kept);
  void repeat_old_frames(std::size_t machine);
  void restart_later(std::size_t machine, Duration after);
  void check_stopped_after_failed_sync(std::size_t machine, std::uint64_t start);

  Swarm swarm_;
  Rng rng_;
  Rng late_frames_;
  Trace trace_;
  Violations violations_;
  EventQueue queue_;
  SimNetwork network_;
  WireOracle wire_oracle_;
  std::unique_ptr<RaftOracle> raft_oracle_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<Life> lives_;
  std::unique_ptr<ClientLink> clients_;
  std::size_t leaders_seen_ = 0;
  std::uint64_t repairs_ = 0;
  std::uint64_t reopenings_ = 0;
  bool restoring_members_ = false;
  ClusterId cluster_;
  bool recovery_allowed_ = false;
};

}  // namespace lockstep::sim
