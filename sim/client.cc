#include "sim/client.h"

#include <fmt/format.h>

#include <utility>

namespace lockstep::sim {
namespace {

constexpr std::uint64_t kProcessStride = 1'000;  // process numbers of one client lie this far apart

template <std::size_t n>
std::size_t draw_weighted(Rng& rng, const std::array<unsigned, n>& weights) {
  std::uint64_t sum = 0;
  for (const unsigned weight : weights) sum += weight;
  std::uint64_t at = rng.below(sum);
  for (std::size_t i = 0; i < n; ++i) {
    if (at < weights[i]) return i;
    at -= weights[i];
  }
  return n - 1;
}

}  // namespace

Client::Client(World& world, Record& record, std::uint64_t number)
    : world_(world),
      record_(record),
      number_(number),
      rng_(world.rng().derive("client", number)),
      process_(number),
      home_(rng_.below(world.size())) {}

void Client::start(TimePoint until) {
  until_ = until;
  idle_ = false;
  think();
}

void Client::think() {
  const auto most = static_cast<std::uint64_t>(world_.swarm().think_max.count());
  const Duration pause(rng_.below(most + 1));
  if (world_.now() + pause >= until_) {
    idle_ = true;
    return;
  }
  world_.queue().after(pause, [this] { act(); });
}

// Often the node that leads, or one that does not know yet that it was deposed: that is where stale
// answers come from.
std::size_t Client::draw_machine() {
  const std::uint64_t style = rng_.below(10);
  const std::size_t any = rng_.below(world_.size());
  const auto leader = world_.leader();
  const auto deposed = world_.deposed_leader();
  if (style % 2 == 0 && deposed) return *deposed;
  if (style < 3) return home_;
  if (style < 5 && leader) return *leader;
  return any;
}

Task Client::draw_task() {
  Task task;
  task.act = static_cast<Act>(draw_weighted(rng_, world_.swarm().acts));
  task.level = static_cast<check::Level>(draw_weighted(rng_, world_.swarm().levels));
  task.key = static_cast<std::int64_t>(rng_.between(1, world_.swarm().keys));
  task.machine = draw_machine();
  if (task.act == Act::cas) {
    const auto seen = last_seen_.find(task.key);
    if (seen == last_seen_.end()) task.act = Act::write;
    if (seen != last_seen_.end()) task.expected = seen->second;
  }
  if (task.act == Act::transfer) task.key = static_cast<std::int64_t>(rng_.between(1, kAccounts));
  task.value = ++record_.last_value;
  return task;
}

void Client::act() {
  const Task task = draw_task();
  const bool unified = rng_.chance(1, 4);
  const Duration timeout = world_.swarm().client_timeout;
  const auto called = world_.now().time_since_epoch().count();
  world_.clients().send(task.machine, make_request(task, world_.swarm().keys, timeout, unified),
                        timeout, [this, task, called](Exchange exchange) {
                          answered(task, called, exchange);
                          think();
                        });
}

void Client::answered(const Task& task, std::int64_t called, const Exchange& exchange) {
  const Answer answer = read_answer(exchange);
  Trace& trace = world_.trace();
  trace.add("outcome", number_, static_cast<std::uint64_t>(answer.outcome));
  if (trace.has_text()) {
    trace.say(fmt::format("client {} {} key {} value {} level {} at {}: {} {} {}", process_,
                          act_name(task.act), task.key, task.value, check::level_name(task.level),
                          world_.machine(task.machine).name(), check::outcome_name(answer.outcome),
                          answer.error, exchange.response.body));
  }
  const Observed seen{.task = task,
                      .exchange = exchange,
                      .answer = answer,
                      .client = process_,
                      .called = called,
                      .returned = world_.now().time_since_epoch().count(),
                      .node = answering_node(exchange, world_.machine(task.machine).name()),
                      .keys = world_.swarm().keys};
  if (const auto wrong = add_to_record(seen, record_)) {
    world_.violations().report(world_.now(), "impossible answer",
                               fmt::format("{} at {}: {}", act_name(task.act), seen.node, *wrong));
  }
  if (answer.outcome == check::Outcome::info) process_ += kProcessStride;
  if (answer.outcome != check::Outcome::ok) return;
  if (task.act == Act::write) last_seen_[task.key] = task.value;
  const bool swapped = task.act == Act::cas && answer.results.front().rows_affected == 1;
  if (swapped) last_seen_[task.key] = task.value;
  if (task.act == Act::read && !answer.results.front().rows.empty()) {
    const auto value = to_integer(answer.results.front().rows.front().at(0));
    if (value) last_seen_[task.key] = *value;
  }
}

}  // namespace lockstep::sim
