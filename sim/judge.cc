#include "sim/judge.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

#include "sim/check_levels.h"
#include "sim/check_linear.h"
#include "sim/committed_log.h"

namespace lockstep::sim {
namespace {

bool is_exact(check::Level level) {
  return level >= check::Level::linearizable;
}

// The exact reads and all writes. A read of many keys counts once per key: that all its rows are of
// one moment is what check_levels judges.
check::History linear_part(const check::History& all) {
  check::History part{.operations = {}, .log = {}, .unit = all.unit};
  for (const check::Operation& operation : all.operations) {
    if (check::is_pure_read(operation) && !is_exact(operation.level)) continue;
    if (operation.kind != check::Kind::txn) {
      part.operations.push_back(operation);
      continue;
    }
    for (const check::Access& access : operation.accesses) {
      check::Operation single = operation;
      single.kind = check::Kind::read;
      single.key = access.key;
      single.value = access.value;
      single.accesses.clear();
      part.operations.push_back(std::move(single));
    }
  }
  return part;
}

check::Limits limits() {
  check::Limits limits;
  limits.steps_max = 20'000'000;
  limits.configurations_max = 500'000;
  limits.minimise_steps_max = 2'000'000;
  return limits;
}

void judge_linear(World& world, const check::History& history) {
  const check::History part = linear_part(history);
  const auto result = check::check_linear(part, check::Model::cas_register, std::nullopt, limits());
  if (!result) {
    world.violations().report(world.now(), "history not judged", result.error().text);
    return;
  }
  world.trace().add("linear", static_cast<std::uint64_t>(result->verdict), result->operations);
  if (result->verdict != check::Verdict::invalid) return;
  world.violations().report(world.now(), "not linearizable",
                            result->failure ? result->failure->words : "");
}

void judge_levels(World& world, const check::History& history, Staleness* staleness) {
  const auto result = check::check_levels(history, std::nullopt);
  if (!result) {
    world.violations().report(world.now(), "history not judged", result.error().text);
    return;
  }
  for (std::size_t i = 0; staleness != nullptr && i < 4; ++i) {
    staleness->reads[i] += result->counts[i].reads;
    staleness->stale[i] += result->counts[i].stale;
  }
  world.trace().add("levels", result->violation_count, result->entries);
  if (result->violations.empty()) return;
  const check::Violation& first = result->violations.front();
  world.violations().report(world.now(),
                            std::string("read level broken: ") + check::fault_name(first.fault),
                            first.words);
}

Answer as_answer(const std::string& body) {
  return read_answer(
      {.fate = Fate::answered, .response = {.status = 200, .headers = {}, .body = body}});
}

std::vector<std::vector<check::Value>> rows_of(const std::string& body) {
  Answer answer = as_answer(body);
  if (answer.results.empty()) return {};
  return std::move(answer.results.front().rows);
}

void judge_counter(World& world, const Record& record, std::int64_t counter) {
  const auto low = static_cast<std::int64_t>(record.increments_ok);
  const auto high = low + static_cast<std::int64_t>(record.increments_unknown);
  if (counter >= low && counter <= high) return;
  world.violations().report(
      world.now(), counter < low ? "acknowledged increments lost" : "increments applied twice",
      fmt::format("counter is {}, {} were acknowledged and {} unknown", counter, low, high - low));
}

void judge_tags(World& world, const Record& record, const Tables& tables) {
  std::map<std::int64_t, int> found;
  for (const auto& row : rows_of(tables.noise)) ++found[to_integer(row.at(1)).value_or(0)];
  for (const Tag& tag : record.tags) {
    const auto it = found.find(tag.value);
    const int times = it == found.end() ? 0 : it->second;
    const bool lost = tag.outcome == check::Outcome::ok && times == 0;
    const bool ghost = tag.outcome == check::Outcome::fail && times > 0;
    if (!lost && !ghost && times < 2) continue;
    world.violations().report(world.now(),
                              lost    ? "acknowledged row lost"
                              : ghost ? "refused row inserted"
                                      : "row inserted twice",
                              fmt::format("tag {} is there {} times", tag.value, times));
  }
}

void judge_against_log(World& world, const Tables& tables) {
  const auto log = replay_committed(world.raft_oracle(), world.wire_oracle());
  if (!log) {
    world.violations().report(world.now(), "committed entry never seen", log.error().text);
    return;
  }
  std::map<std::int64_t, std::int64_t> kv;
  for (const auto& row : rows_of(tables.kv)) {
    kv[to_integer(row.at(0)).value_or(0)] = to_integer(row.at(1)).value_or(0);
  }
  const auto differ = [&world](std::string_view table) {
    world.violations().report(world.now(), "table differs from the log", std::string(table));
  };
  if (kv != log->kv) differ("kv");
  const auto counter = rows_of(tables.counter);
  if (counter.size() != 1 || to_integer(counter[0].at(1)) != log->counter) differ("counter");
  std::vector<std::int64_t> tags;
  for (const auto& row : rows_of(tables.noise)) tags.push_back(to_integer(row.at(1)).value_or(0));
  if (tags != log->tags) differ("noise");
}

}  // namespace

void judge_histories(World& world, Record& record, Staleness* staleness) {
  auto log = replay_committed(world.raft_oracle(), world.wire_oracle());
  if (!log) {
    world.violations().report(world.now(), "committed entry never seen", log.error().text);
    return;
  }
  record.history.log = std::move(log->writes);
  judge_linear(world, record.history);
  judge_levels(world, record.history, staleness);
}

void judge_tables(World& world, const Record& record, const Tables& tables) {
  const auto counter = rows_of(tables.counter);
  if (counter.size() == 1) {
    judge_counter(world, record, to_integer(counter[0].at(1)).value_or(-1));
  }
  std::int64_t sum = 0;
  for (const auto& row : rows_of(tables.bank)) sum += to_integer(row.at(1)).value_or(0);
  if (sum != kAccounts * kBalance) {
    world.violations().report(world.now(), "money made or lost", std::to_string(sum));
  }
  judge_tags(world, record, tables);
  judge_against_log(world, tables);
}

}  // namespace lockstep::sim
