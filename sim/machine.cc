#include "sim/machine.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"

namespace lockstep::sim {
namespace {

// A node's own messages: part of the trace, as text only.
class TraceLog final : public LogSink {
 public:
  TraceLog(Trace& trace, std::string name) : trace_(trace), name_(std::move(name)) {}
  void write(LogLevel, std::string_view module, std::string_view line) override {
    if (trace_.has_text()) trace_.say(fmt::format("{} [{}] {}", name_, module, line));
  }

 private:
  Trace& trace_;
  std::string name_;
};

}  // namespace

Machine::Machine(EventQueue& queue, Trace& trace, SimNetwork& network, MachineHost& host, Rng rng,
                 Options options, NodeTemplate node_template)
    : queue_(queue),
      trace_(trace),
      network_(network),
      host_(host),
      options_(std::move(options)),
      node_template_(std::move(node_template)),
      rng_(rng.derive("machine")),
      disk_rng_(rng.derive("disk speed")),
      disk_(rng.derive("disk")),
      clock_(queue, options_.clock),
      disk_speed_(options_.disk_speed) {
  watch_disk();
}

Machine::~Machine() {
  destroy_process();
}

void Machine::watch_disk() {
  disk_.observe([this](std::string_view op, std::string_view file, std::uint64_t offset,
                       std::string_view bytes) {
    trace_.add(op, offset, options_.number);
    trace_.add_bytes(file, options_.number, bytes);
    if (op == "read") return;
    if (op == "write" && file.find("log-") != std::string_view::npos)
      host_.log_written(*this, bytes);
    if (op == "sync failed") host_.sync_failed(*this);
    const auto draw = [this](Duration low, Duration high) {
      return Duration(disk_rng_.between(static_cast<std::uint64_t>(low.count()),
                                        static_cast<std::uint64_t>(high.count())));
    };
    const bool waits = op.starts_with("sync");
    disk_time_ += waits ? draw(disk_speed_.sync_min, disk_speed_.sync_max)
                        : draw(Duration::zero(), disk_speed_.operation_max);
  });
}

Duration Machine::take_disk_time() {
  return std::exchange(disk_time_, Duration::zero());
}

std::unique_ptr<Machine::Process> Machine::new_process() {
  auto process = std::make_unique<Process>();
  Rng rng = rng_.derive("process", starts_);
  process->gate = std::make_shared<Gate>(queue_, [this] {
    if (running()) host_.after_step(*this);
  });
  process->turns = std::make_unique<SimTurns>(queue_, clock_, process->gate, rng.derive("turns"),
                                              options_.turns);
  SimLanes::Options lanes = options_.lanes;
  lanes.take_disk_time = [this] { return take_disk_time(); };
  lanes.died = [this] { return check_disk_death(); };
  process->lanes = std::make_unique<SimLanes>(queue_, process->gate, rng.derive("lanes"), lanes);
  process->peers = std::make_unique<SimPeers>(network_, options_.number);
  process->log = std::make_unique<TraceLog>(trace_, options_.name);
  return process;
}

Status Machine::start() {
  CHECK(process_ == nullptr);
  ++starts_;
  trace_.add("start", options_.number, starts_);
  process_ = new_process();
  Status started;
  if (!repair_next_) started = start_node();
  const bool damaged = repair_next_ || (!started && started.error().code == Errc::corrupt);
  if (damaged && !disk_.dead() &&
      start_repair(started ? Error{Errc::corrupt, "the database is damaged"} : started.error()))
    return {};
  if (!started || disk_.dead() || repair_next_) {
    const bool died = disk_.dead();
    if (started) started = fail(died ? Errc::io : Errc::corrupt, "no repair is possible");
    crash(died ? death_ : Crash{});
  }
  return started;
}

Status Machine::start_node() {
  Process& p = *process_;
  const env::Env env{clock_, *p.turns, *p.lanes, disk_, *p.peers, *p.log};
  auto opened = node::Node::open(env, node_template_(starts_));
  take_disk_time();
  if (!opened) return std::unexpected(std::move(opened).error());
  p.node = std::move(*opened);
  p.handler =
      std::make_unique<api::Handler>(*p.node, clock_,
                                     api::HandlerOptions{.version = "sim",
                                                         .http_adv_addr = options_.name + ":4001",
                                                         .http_allow_origin = "",
                                                         .host_status = {},
                                                         .turns = p.turns.get()});
  p.gate->at(queue_.now(), Wake::turn, [this] {
    Process& started = *process_;
    started.node->start(
        [handler = started.handler.get()](auto forward, auto done) {
          handler->serve_forwarded(std::move(forward), std::move(done));
        },
        [this](node::End end) { end_later(std::move(end)); });
  });
  return {};
}

// False: nothing that peers could mend.
bool Machine::start_repair(Error original) {
  Process& p = *process_;
  const env::Env env{clock_, *p.turns, *p.lanes, disk_, *p.peers, *p.log};
  auto planned =
      node::Repair::plan(env, node_template_(starts_), repair_next_, std::move(original));
  take_disk_time();
  if (trace_.has_text() && !planned)
    trace_.say(options_.name + " cannot be repaired: " + planned.error().text);
  if (!planned) return false;
  p.repair = std::move(*planned);
  p.gate->at(queue_.now(), Wake::turn, [this] {
    process_->repair->start([this](const Status& status) {
      if (status) {
        repair_next_ = false;
        return end_later(node::End{node::End::Kind::reopen, {}});
      }
      end_later(node::End{node::End::Kind::failed, status.error()});
    });
  });
  return true;
}

void Machine::end_later(std::optional<node::End> end) {
  if (!process_->gate->alive()) return;
  process_->gate->kill();
  if (end && end->kind == node::End::Kind::repair) repair_next_ = true;
  queue_.at(queue_.now(), [this, start = starts_, end = std::move(end)]() mutable {
    if (process_ == nullptr || starts_ != start) return;  // A crash came first.
    crash(end ? Crash{} : death_);
    host_.process_ended(*this, std::move(end));
  });
}

bool Machine::check_disk_death() {
  if (!disk_.dead()) return false;
  end_later(std::nullopt);
  return true;
}

void Machine::crash(Crash crash) {
  if (process_ == nullptr) {
    if (crash.power) disk_.lose_power(crash.loss);
    return;
  }
  trace_.add("crash", options_.number,
             crash.power ? 1 + static_cast<std::uint64_t>(crash.loss) : 0);
  process_->gate->kill();
  // First the disk: what the node's destructors still try must not reach it.
  if (crash.power) {
    disk_.lose_power(crash.loss);
  } else {
    disk_.kill_process();
  }
  destroy_process();
}

void Machine::destroy_process() {
  if (process_ == nullptr) return;
  process_->gate->kill();
  disk_.kill_process();
  process_->turns.reset();
  process_->lanes.reset();
  process_->handler.reset();
  process_->node.reset();
  process_->repair.reset();
  process_.reset();
}

void Machine::crash_in_job(std::uint64_t operations, Crash crash) {
  death_ = crash;
  disk_.crash_after(operations);
}

void Machine::pause() {
  if (alive()) process_->gate->pause();
}

void Machine::resume() {
  if (alive()) process_->gate->resume(rng_);
}

void Machine::receive(std::string frame) {
  if (!alive()) return;
  process_->gate->pass(Wake::message, [this, frame = std::move(frame)] {
    if (process_->node) process_->node->receive(frame);
    if (process_->repair) process_->repair->receive(frame);
  });
}

bool Machine::handle(api::Request request, api::Responder::Sink answer) {
  if (!running()) return false;
  auto sink = [gate = process_->gate, answer = std::move(answer)](api::Response response) mutable {
    if (gate->alive()) answer(std::move(response));
  };
  process_->gate->pass(Wake::message, [this, request = std::move(request),
                                       responder = api::Responder(std::move(sink))]() mutable {
    process_->handler->handle(std::move(request), std::move(responder));
  });
  return true;
}

void Machine::as_step(std::function<void(node::Node&)> task) {
  if (!running()) return;
  process_->gate->pass(Wake::message, [this, task = std::move(task)] { task(*process_->node); });
}

void Machine::set_drift(std::int64_t ppm) {
  clock_.set_drift(ppm);
  if (alive()) process_->turns->clock_changed();
}

void Machine::jump_clock(Duration by) {
  clock_.jump(by);
  if (alive()) process_->turns->clock_changed();
}

}  // namespace lockstep::sim
