// Machine: one simulated computer: a disk and a clock that last, and a process (the real Node and
// Handler) that starts, is paused, crashes and starts again; or, while its storage is damaged, that
// repairs itself. It reports to its Host; when to restart is the Host's decision.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/handler.h"
#include "base/check.h"
#include "base/rng.h"
#include "node/node.h"
#include "node/repair.h"
#include "sim/clock.h"
#include "sim/disk.h"
#include "sim/gate.h"
#include "sim/lanes.h"
#include "sim/network.h"
#include "sim/trace.h"
#include "sim/turns.h"

namespace lockstep::sim {

class Machine;

// How a process ends. `power`: everything unsynced is at the mercy of a Loss.
struct Crash {
  bool power = false;
  Loss loss = Loss::all;
};

// What a Machine tells the world around it.
class MachineHost {
 public:
  virtual ~MachineHost() = default;
  // After every step of the process, while it lives. `machine.node()` may be looked at.
  virtual void after_step(Machine& machine) = 0;
  // The process has just ended by itself: as `end` says, or (empty) because its disk died in a job.
  // Called as an event of its own; the process is gone already.
  virtual void process_ended(Machine& machine, std::optional<node::End> end) = 0;
  // A sync has just failed on the machine's disk, as a fault ordered.
  virtual void sync_failed(Machine& machine) = 0;
  // The process writes to a file of its Raft log. Called inside the job, before the bytes are
  // there.
  virtual void log_written(Machine& machine, std::string_view bytes) = 0;
};

struct DiskSpeed {
  Duration sync_min = microseconds(50);
  Duration sync_max = milliseconds(2);
  Duration operation_max = microseconds(5);  // of any other operation that changes something
};

class Machine {
 public:
  struct Options {
    std::size_t number = 0;
    std::string name;  // node id, and host name in addresses
    SimClock::Options clock;
    DiskSpeed disk_speed;
    SimLanes::Options lanes;
    SimTurns::Options turns;
    Loss death_loss = Loss::all;  // what a disk that dies in a job loses, if it is a power loss
  };
  // What is needed to start a process.
  using NodeTemplate = std::function<node::NodeOptions(std::uint64_t start)>;

  Machine(EventQueue& queue, Trace& trace, SimNetwork& network, MachineHost& host, Rng rng,
          Options options, NodeTemplate node_template);
  ~Machine();

  [[nodiscard]] std::size_t number() const { return options_.number; }
  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] std::string raft_address() const {
    return options_.name + ":" + std::to_string(raft_port_);
  }
  // The next process listens at another port.
  void move() { ++raft_port_; }

  // Starts a process on what the disk holds: a node, or a repair if it is damaged and has peers.
  // Failure: what Node::open reported. Precondition: there is no process.
  Status start();
  // Ends the process (if any) at this moment, between two of its steps.
  void crash(Crash crash);
  // The process dies inside a lane job, after so many more disk operations.
  void crash_in_job(std::uint64_t operations, Crash crash);
  void pause();
  void resume();

  // A node runs here.
  [[nodiscard]] bool running() const { return alive() && process_->node != nullptr; }
  // A repair does.
  [[nodiscard]] bool repairing() const { return alive() && process_->repair != nullptr; }
  [[nodiscard]] bool paused() const { return alive() && process_->gate->paused(); }
  // How often a process was started here, counting from 1.
  [[nodiscard]] std::uint64_t starts() const { return starts_; }
  // Precondition: running().
  [[nodiscard]] const node::Node& node() const {
    CHECK(running());
    return *process_->node;
  }
  [[nodiscard]] SimDisk& disk() { return disk_; }
  [[nodiscard]] const SimClock& clock() const { return clock_; }

  // A frame arrived; lost if no process runs.
  void receive(std::string frame);
  // A client's request arrived. False: connection refused. `answer` is called at most once, in a
  // later step or in this one; never after the process died.
  bool handle(api::Request request, api::Responder::Sink answer);
  // Runs `task` as a step of the process; dropped if there is none.
  void as_step(std::function<void(node::Node&)> task);

  void set_disk_speed(DiskSpeed speed) { disk_speed_ = speed; }
  [[nodiscard]] const DiskSpeed& disk_speed() const { return disk_speed_; }
  void set_drift(std::int64_t ppm);
  void jump_clock(Duration by);
  void jump_wall(std::int64_t by_ms) { clock_.jump_wall(by_ms); }

 private:
  struct Process {
    std::shared_ptr<Gate> gate;
    std::unique_ptr<SimTurns> turns;
    std::unique_ptr<SimLanes> lanes;
    std::unique_ptr<SimPeers> peers;
    std::unique_ptr<LogSink> log;
    std::unique_ptr<node::Node> node;
    std::unique_ptr<node::Repair> repair;  // instead of `node`
    std::unique_ptr<api::Handler> handler;
  };
  [[nodiscard]] bool alive() const { return process_ != nullptr && process_->gate->alive(); }
  void watch_disk();
  Status start_node();
  bool start_repair(Error original);
  std::unique_ptr<Process> new_process();
  // The process is dead as of now and is destroyed by an event of its own.
  void end_later(std::optional<node::End> end);
  void destroy_process();
  bool check_disk_death();
  Duration take_disk_time();

  EventQueue& queue_;
  Trace& trace_;
  SimNetwork& network_;
  MachineHost& host_;
  Options options_;
  NodeTemplate node_template_;
  Rng rng_;
  Rng disk_rng_;
  SimDisk disk_;
  SimClock clock_;
  DiskSpeed disk_speed_;
  Duration disk_time_{};
  Crash death_;  // how a disk that dies in a job ends the process
  std::uint64_t starts_ = 0;
  unsigned raft_port_ = 4002;
  bool repair_next_ = false;  // the last process found its database damaged
  std::unique_ptr<Process> process_;
};

}  // namespace lockstep::sim
