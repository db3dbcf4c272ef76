#include "sim/finale.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/answer.h"

namespace lockstep::sim {
namespace {

constexpr Duration kConvergeBound = seconds(90);
constexpr Duration kWriteBound = seconds(20);
constexpr Duration kAnswerBound = seconds(20);
constexpr Duration kAttempt = seconds(3);
constexpr int kDumpTries = 20;
constexpr std::uint64_t kFinalClient = 900;  // process numbers of the last operations

// Asks until the answer is ok, as a client of its own each time, and records every attempt.
bool insist(World& world, Record& record, Task task) {
  const TimePoint end = world.now() + kWriteBound;
  for (std::uint64_t attempt = 0; world.now() < end; ++attempt) {
    const bool writes = task.act == Act::write;
    if (writes) task.value = ++record.last_value;
    const auto called = world.now().time_since_epoch().count();
    auto response =
        world.ask(task.machine, make_request(task, world.swarm().keys, kAttempt, false), kAttempt);
    if (world.violations().any()) return false;
    Exchange exchange{.fate = response ? Fate::answered : Fate::timed_out,
                      .response = response ? std::move(*response) : api::Response{},
                      .start = world.machine(task.machine).starts()};
    const Answer answer = read_answer(exchange);
    const Observed seen{.task = task,
                        .exchange = exchange,
                        .answer = answer,
                        .client = kFinalClient + task.machine + attempt * 1'000,
                        .called = called,
                        .returned = world.now().time_since_epoch().count(),
                        .node = answering_node(exchange, world.machine(task.machine).name()),
                        .keys = world.swarm().keys};
    if (const auto wrong = add_to_record(seen, record)) {
      world.violations().report(world.now(), "impossible answer", *wrong);
      return false;
    }
    if (answer.outcome == check::Outcome::ok) return true;
    world.run_for(milliseconds(100));
  }
  world.violations().report(world.now(), "no progress",
                            fmt::format("{} fails at {}: {}", act_name(task.act),
                                        world.machine(task.machine).name(), world.progress_text()));
  return false;
}

bool last_writes(World& world, Record& record) {
  for (std::size_t i = 0; i < world.size(); ++i) {
    if (world.is_lost(i)) continue;
    const auto key = static_cast<std::int64_t>(i % world.swarm().keys + 1);
    const bool done = insist(world, record, {.act = Act::write, .key = key, .machine = i}) &&
                      insist(world, record, {.act = Act::increment, .machine = i});
    if (!done) return false;
  }
  return true;
}

bool last_reads(World& world, Record& record) {
  for (std::size_t i = 0; i < world.size(); ++i) {
    if (world.is_lost(i)) continue;
    const auto level = i % 2 == 0 ? check::Level::strong : check::Level::linearizable;
    for (std::size_t key = 1; key <= world.swarm().keys; ++key) {
      const Task task{
          .act = Act::read, .level = level, .key = static_cast<std::int64_t>(key), .machine = i};
      if (!insist(world, record, task)) return false;
    }
    if (!insist(world, record, {.act = Act::read_many, .level = level, .machine = i})) return false;
  }
  return true;
}

// The first table in which they differ, from a little before the difference on.
std::string first_difference(const Tables& a, const Tables& b) {
  const std::array<std::tuple<const char*, const std::string*, const std::string*>, 4> tables = {{
      {"kv", &a.kv, &b.kv},
      {"counter", &a.counter, &b.counter},
      {"bank", &a.bank, &b.bank},
      {"noise", &a.noise, &b.noise},
  }};
  for (const auto& [name, left, right] : tables) {
    if (*left == *right) continue;
    std::size_t at = 0;
    while (at < left->size() && at < right->size() && (*left)[at] == (*right)[at]) ++at;
    const std::size_t from = at < 60 ? 0 : at - 60;
    return fmt::format("{}: ..{}.. against ..{}..", name, left->substr(from, 120),
                       right->substr(from, 120));
  }
  return "equal";
}

// The tables of every machine that is left, read at none.
struct Dumps {
  std::vector<std::pair<std::string, Tables>> by_name;
  std::optional<std::string> silent;  // a machine that did not answer
};

Dumps dump_all(World& world) {
  Dumps dumps;
  for (std::size_t i = 0; i < world.size(); ++i) {
    if (world.is_lost(i)) continue;
    const std::string& name = world.machine(i).name();
    auto tables = read_tables(world, i);
    if (!tables) {
      dumps.silent = name;
      return dumps;
    }
    dumps.by_name.emplace_back(name, std::move(*tables));
  }
  return dumps;
}

// Empty unless a node runs on every machine that is left: the answer of a moment ago may have been
// the last one of a node that found its database rotten.
std::vector<LogIndex> all_applied(World& world) {
  std::vector<LogIndex> applied;
  for (std::size_t i = 0; i < world.size(); ++i) {
    if (world.is_lost(i)) continue;
    if (!world.machine(i).running()) return {};
    applied.push_back(world.machine(i).node().applied());
  }
  return applied;
}

std::optional<Tables> compare_tables(World& world) {
  // A request whose client has given up may still be on its way and be executed between two dumps;
  // only dumps of one and the same index can be compared.
  for (int tries = 0; tries < kDumpTries; ++tries) {
    if (!converge(world, kConvergeBound)) return std::nullopt;
    const auto before = all_applied(world);
    Dumps dumps = dump_all(world);
    if (world.violations().any()) return std::nullopt;
    // Legal: it has just found its database rotten, and is repairing it.
    if (dumps.silent && !world.converged()) continue;
    if (dumps.silent) {
      world.violations().report(world.now(), "no progress",
                                *dumps.silent + " does not answer at none");
      return std::nullopt;
    }
    if (all_applied(world) != before) continue;
    const auto& [first_name, first] = dumps.by_name.front();
    for (const auto& [name, tables] : dumps.by_name) {
      if (tables == first) continue;
      world.violations().report(
          world.now(), "replicas differ",
          fmt::format("{} and {}: {}", first_name, name, first_difference(first, tables)));
      return std::nullopt;
    }
    return first;
  }
  world.violations().report(world.now(), "no progress", "the cluster never comes to rest");
  return std::nullopt;
}

void check_all_answered(World& world) {
  if (!world.clients().overdue(Duration::zero())) return;
  world.run_for(kAnswerBound + seconds(1));
  if (const auto late = world.clients().overdue(kAnswerBound)) {
    world.violations().report(world.now(), "request never answered", *late);
  }
}

}  // namespace

bool converge(World& world, Duration bound) {
  if (world.run_until([&world] { return world.converged(); }, bound)) return true;
  world.violations().report(world.now(), "no progress", world.progress_text());
  return false;
}

bool set_up(World& world, Duration bound) {
  const TimePoint end = world.now() + bound;
  for (std::size_t attempt = 0; world.now() < end && !world.violations().any(); ++attempt) {
    const std::size_t machine = world.leader().value_or(attempt % world.size());
    auto response = world.ask(machine, setup_request(), seconds(1));
    if (response) {
      const Answer answer = read_answer({.fate = Fate::answered, .response = std::move(*response)});
      bool all = answer.outcome == check::Outcome::ok && !answer.results.empty();
      for (const StatementAnswer& each : answer.results) all = all && each.error.empty();
      if (all) return true;
    }
    world.run_for(milliseconds(100));
  }
  return false;
}

std::optional<Tables> read_tables(World& world, std::size_t machine) {
  Tables tables;
  const std::array<std::pair<const char*, std::string*>, 4> wanted = {{
      {"SELECT k, v FROM kv ORDER BY k", &tables.kv},
      {"SELECT id, n FROM counter ORDER BY id", &tables.counter},
      {"SELECT id, balance FROM bank ORDER BY id", &tables.bank},
      {"SELECT id, tag, s, r, hex(b), t, p FROM noise ORDER BY id", &tables.noise},
  }};
  for (const auto& [sql, body] : wanted) {
    auto response = world.ask(machine, dump_request(sql, check::Level::none));
    if (!response || response->status != 200) return std::nullopt;
    *body = std::move(response->body);
  }
  return tables;
}

void run_finale(World& world, Record& record, bool is_set_up) {
  world.heal();
  if (!converge(world, kConvergeBound)) return;
  if (!is_set_up && !set_up(world, kWriteBound)) {
    world.violations().report(world.now(), "no progress", "the tables cannot be created");
    return;
  }
  if (!last_writes(world, record)) return;
  if (!last_reads(world, record)) return;
  if (!converge(world, kConvergeBound)) return;
  check_all_answered(world);
  if (world.violations().any()) return;
  const auto tables = compare_tables(world);
  if (tables) judge_tables(world, record, *tables);
}

}  // namespace lockstep::sim
