#include "sim/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace lockstep::sim {
namespace {

// A run that needs more is a loop of its own making, and is reported as one.
constexpr std::uint64_t kEventsMax = 20'000'000;
constexpr Duration kStopAfterFailedSync = seconds(10);

std::string machine_name(std::size_t number) {
  return "n" + std::to_string(number + 1);
}

}  // namespace

World::World(std::uint64_t seed, Swarm swarm, Trace::Sink text)
    : swarm_(std::move(swarm)),
      rng_(seed),
      late_frames_(rng_.derive("late frames")),
      network_(queue_, trace_, rng_.derive("network"), swarm_.network),
      wire_oracle_(violations_, swarm_.machines()) {
  if (text) trace_.want_text(std::move(text));
  trace_.add("seed", seed);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < swarm_.machines(); ++i) {
    names.push_back(machine_name(i));
    add_machine(i);
  }
  lives_.resize(machines_.size());
  raft_oracle_ = std::make_unique<RaftOracle>(violations_, names);
  clients_ = std::make_unique<ClientLink>(
      queue_, trace_, violations_, machines_, rng_.derive("client link"),
      ClientLink::Options{.loss_per_10k = swarm_.client_loss_per_10k,
                          .late_per_10k = swarm_.client_loss_per_10k / 2});
  network_.on_deliver(
      [this](std::size_t to, std::string frame) { machines_[to]->receive(std::move(frame)); });
  network_.watch([this](std::size_t from, std::string_view frame) {
    if (machines_[from]->running() && !is_of_this_cluster(*machines_[from])) return;
    const Promise promise = wire_oracle_.sent(queue_.now(), from, frame);
    if (promise == Promise::vote)
      wire_oracle_.voted(queue_.now(), from, machines_[from]->node().core());
    if (promise == Promise::none) return;
    keep_for_late(frame);
    if (on_promise) on_promise(from, promise);
  });
}

World::~World() = default;

void World::add_machine(std::size_t number) {
  Rng rng = rng_.derive("machine", number);
  Rng clocks = rng_.derive("clock", number);
  const auto span = static_cast<std::uint64_t>(swarm_.drift_ppm_max);
  const auto drift = static_cast<std::int64_t>(clocks.below(2 * span + 1)) - swarm_.drift_ppm_max;
  const auto start = static_cast<std::int64_t>(clocks.between(1, 100'000));
  const auto wall = static_cast<std::int64_t>(clocks.below(20'000));
  Machine::Options options{.number = number,
                           .name = machine_name(number),
                           .clock = {.start = seconds(start),
                                     .wall_start = {1'700'000'000'000 + wall},
                                     .drift_ppm = drift},
                           .disk_speed = swarm_.disk_speed,
                           .lanes = swarm_.lanes,
                           .turns = {}};
  machines_.push_back(std::make_unique<Machine>(
      queue_, trace_, network_, *this, rng, std::move(options),
      [this, number](std::uint64_t start_number) { return node_options(number, start_number); }));
  network_.add_machine(machines_.back()->raft_address());
}

node::NodeOptions World::node_options(std::size_t number, std::uint64_t start) const {
  node::NodeOptions options = swarm_.node;
  const std::string name = machine_name(number);
  options.self = NodeId{name};
  options.raft_addr = machines_[number]->raft_address();
  options.api_addr = "http://" + name + ":4001";
  options.voter = number < swarm_.nodes;
  if (number < lives_.size()) options.recover_members = lives_[number].recover_members;
  if (swarm_.expect && options.voter) options.expect.members = swarm_.nodes;
  // The first one founds the cluster; should it be removed, it joins like the others.
  const bool joins =
      number > 0 || swarm_.expect || (number < lives_.size() && lives_[number].told_to_join);
  if (joins) {
    const std::size_t end = options.expect.members > 0 ? swarm_.nodes : machines_.size();
    for (std::size_t i = 0; i < end; ++i) {
      if (i != number) options.join.push_back(machines_[i]->raft_address());
    }
  }
  Rng seeds = rng_.derive("node " + name, start);
  options.seed = seeds.next();
  options.log.seed = seeds.next();
  options.database.seed = seeds.next();
  options.new_cluster.high = seeds.next();
  options.new_cluster.low = seeds.next();
  if (on_start) on_start(number, options);
  return options;
}

void World::start() {
  for (std::size_t i = 0; i < machines_.size(); ++i) start_machine(i);
}

void World::start_machine(std::size_t number) {
  Life& life = lives_[number];
  Machine& machine = *machines_[number];
  if (life.lost || machine.running() || machine.repairing()) return;
  queue_.cancel(life.restart);
  life.may_stop = false;
  if (std::exchange(life.reopens, false) && on_reopen) on_reopen(number);
  const Status started = machine.start();
  if (started && machine.repairing()) {
    trace_.add("repair", number);
    if (trace_.has_text()) trace_.say(machine.name() + " repairs itself");
    ++repairs_;
    return;
  }
  if (started && !is_of_this_cluster(machine)) return;
  if (started) {
    raft_oracle_->recovered(queue_.now(), number, machine.node());
    wire_oracle_.recovered(queue_.now(), number, machine.node().core());
    return;
  }
  if (trace_.has_text()) trace_.say(machine.name() + " does not open: " + started.error().text);
  if (started.error().code == Errc::corrupt && life.rotten) {
    life.lost = true;
    return;
  }
  // The disk died, or failed a sync, while the node was recovering; or it has no room for that.
  if (started.error().code == Errc::io || started.error().code == Errc::no_space) {
    restart_later(number, milliseconds(100));
    return;
  }
  violations_.report(queue_.now(), "node does not open",
                     machine.name() + ": " + started.error().text);
}

void World::restart_later(std::size_t number, Duration after) {
  Life& life = lives_[number];
  queue_.cancel(life.restart);
  life.restart = queue_.after(after, [this, number] { start_machine(number); });
}

// An empty machine in a member's place may found a cluster of its own, which is none of this one's
// business. The cluster is the one of which something was committed first.
bool World::is_of_this_cluster(const Machine& machine) {
  const raft::Core& core = machine.node().core();
  const ClusterId its = core.membership().cluster;
  if (cluster_.is_nil() && core.commit() > LogIndex{}) cluster_ = its;
  return its.is_nil() || cluster_.is_nil() || its == cluster_ || recovery_allowed_;
}

void World::after_step(Machine& machine) {
  const std::size_t number = machine.number();
  if (!is_of_this_cluster(machine)) return;
  check_fallen(machine.node().core());
  raft_oracle_->after_step(queue_.now(), number, machine.node());
  wire_oracle_.after_step(queue_.now(), number, machine.node().core());
  if (raft_oracle_->leaders().size() == leaders_seen_) return;
  leaders_seen_ = raft_oracle_->leaders().size();
  wire_oracle_.elected(queue_.now(), number, NodeId{machine.name()}, machine.node().core());
  trace_.add("leader", number, machine.node().core().term().value);
  if (trace_.has_text()) {
    trace_.say(fmt::format("{} leads term {}", machine.name(), machine.node().core().term().value));
  }
  if (on_new_leader) on_new_leader(number);
}

// A member that lost what it had acknowledged repairs itself, and nobody would know of the mistake.
void World::check_fallen(const raft::Core& core) {
  if (core.role() != raft::Role::leader) return;
  for (const auto& [id, last] : core.fallen()) {
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      if (machines_[i]->name() != id.value || lives_[i].rolled_back) continue;
      violations_.report(queue_.now(), "lost what it had acknowledged",
                         id.value + ": entry " + std::to_string(last.index.value));
    }
  }
}

void World::process_ended(Machine& machine, std::optional<node::End> end) {
  Life& life = lives_[machine.number()];
  if (trace_.has_text()) {
    trace_.say(machine.name() + " stopped: " + (end ? end->error.text : "died in a job"));
  }
  if (end && end->kind == node::End::Kind::reopen) {
    ++reopenings_;
    life.reopens = true;
    return restart_later(machine.number(), milliseconds(1));
  }
  if (end && end->kind == node::End::Kind::removed) {
    // As its log says: it is started again to join.
    life.told_to_join = true;
    return restart_later(machine.number(), milliseconds(100));
  }
  const bool explained = life.may_stop || (life.rotten && end && end->error.code == Errc::corrupt);
  if (end && !explained) {
    violations_.report(queue_.now(), "node stopped without a fault",
                       machine.name() + ": " + end->error.text);
  }
  restart_later(machine.number(), std::max<Duration>(life.restart_after, milliseconds(10)));
}

void World::sync_failed(Machine& machine) {
  const std::size_t number = machine.number();
  lives_[number].may_stop = true;
  if (trace_.has_text()) trace_.say(machine.name() + ": a sync failed");
  queue_.after(kStopAfterFailedSync, [this, number, start = machine.starts()] {
    check_stopped_after_failed_sync(number, start);
  });
}

void World::log_written(Machine& machine, std::string_view bytes) {
  if (!machine.running() || is_of_this_cluster(machine)) wire_oracle_.stored(queue_.now(), bytes);
  if (on_log_write) on_log_write(machine.number());
}

void World::check_stopped_after_failed_sync(std::size_t number, std::uint64_t start) {
  const Machine& machine = *machines_[number];
  if (!machine.running() || machine.starts() != start) return;
  if (machine.paused()) {
    queue_.after(kStopAfterFailedSync,
                 [this, number, start] { check_stopped_after_failed_sync(number, start); });
    return;
  }
  violations_.report(queue_.now(), "went on after a failed sync", machine.name());
}

bool World::run_until(const std::function<bool()>& enough, Duration bound) {
  const TimePoint end = queue_.now() + bound;
  while (!enough()) {
    if (violations_.any()) return false;
    if (queue_.next_time() > end) {
      queue_.advance(end);
      trace_.set_time(end);
      return enough();
    }
    trace_.set_time(queue_.next_time());
    queue_.step();
    if (queue_.events_run() > kEventsMax) {
      violations_.report(queue_.now(), "endless events", std::to_string(kEventsMax));
    }
  }
  return !violations_.any();
}

void World::run_for(Duration span) {
  run_until([] { return false; }, span);
}

}  // namespace lockstep::sim
