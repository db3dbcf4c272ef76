#include "tests/sql/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "sql/reader.h"
#include "tests/sql/generate.h"

namespace lockstep::sql {
namespace {

// Says at the end how much was tried.
class CrashCount final : public testing::Environment {
 public:
  void TearDown() override {
    std::uint64_t sum = 0;
    for (const auto& [kind, crashes] : counts) {
      std::printf("crashes: %-30s %8llu\n", kind.c_str(), static_cast<unsigned long long>(crashes));
      sum += crashes;
    }
    if (sum > 0) std::printf("crashes in all: %31llu\n", static_cast<unsigned long long>(sum));
  }
  std::map<std::string, std::uint64_t> counts;
};

auto* const crash_count = new CrashCount;
const auto* const registered = testing::AddGlobalTestEnvironment(crash_count);

}  // namespace

void count_crashes(const char* kind, std::uint64_t crashes) {
  crash_count->counts[kind] += crashes;
}

Scenario make_scenario(std::uint64_t seed, int entries) {
  Scenario scenario;
  scenario.seed = seed;
  scenario.foreign_keys = seed % 2 == 0;
  Rng rng(seed);
  scenario.commands = schema_commands();
  while (static_cast<int>(scenario.commands.size()) < entries)
    scenario.commands.push_back(random_command(rng));
  Rig model({.seed = 77, .foreign_keys = scenario.foreign_keys}, seed);
  scenario.content.push_back(model.content());
  for (const auto& one : scenario.commands) {
    const std::vector<raft::Entry> next{entry(scenario.content.size(), one)};
    scenario.results.push_back(hash_of(model.database->apply(next).value()[0].result));
    scenario.content.push_back(model.content());
  }
  return scenario;
}

DatabaseOptions options_of(const Scenario& scenario, std::uint64_t start) {
  return {.seed = scenario.seed * 1000 + start,
          .foreign_keys = scenario.foreign_keys,
          .cache_pages = 8,
          .restart_patience = {}};
}

Life::Life(const Scenario& scenario, HookDisk& disk, Database& database, Rng rng,
           LifeOptions options)
    : scenario_(scenario), disk_(disk), database_(database), rng_(rng), options_(options) {
  for (int i = 0; i < 2 && options.readers; ++i) {
    auto reader = database.new_reader();
    if (reader) readers_.push_back(std::move(*reader));
  }
  if (options.writer_beside)
    disk_.before = [this](std::string_view op, std::string_view file) { beside(op, file); };
}

Life::~Life() {
  disk_.before = nullptr;
}

bool Life::run() {
  if (!run_until(scenario_.commands.size())) return false;
  release_readers();
  const auto all = [](Database& database) { return database.checkpoint(Checkpoint::restart_wal); };
  return promise(all, false);
}

bool Life::run_until(std::uint64_t limit) {
  while (applied() < std::min<std::uint64_t>(limit, scenario_.commands.size())) {
    if (!apply_some()) return false;
    move_readers();
    if (!image_job()) return false;
  }
  return true;
}

bool Life::apply_some() {
  const std::uint64_t before = applied();
  const std::uint64_t count =
      std::min<std::uint64_t>(rng_.between(1, 5), scenario_.commands.size() - before);
  std::vector<raft::Entry> entries;
  for (std::uint64_t i = 1; i <= count; ++i)
    entries.push_back(entry(before + i, scenario_.commands[before + i - 1]));
  const auto results = database_.apply(entries);
  if (!results) return false;
  for (std::uint64_t i = 0; i < count; ++i)
    if (hash_of((*results)[i].result) != scenario_.results[before + i])
      story = "entry " + std::to_string(before + i + 1) + " answers differently";
  return story.empty();
}

bool Life::image_job() {
  if (rng_.chance(1, 3) &&
      !promise([](Database& database) { return database.durable_point(); }, true))
    return false;
  if (!rng_.chance(1, 3)) return true;
  const bool restarts = rng_.chance(1, 2) && options_.restarts_wal;
  if (restarts)
    return promise([](Database& database) { return database.checkpoint(Checkpoint::restart_wal); },
                   false);
  return promise([](Database& database) { return database.checkpoint(Checkpoint::beside_writer); },
                 true);
}

// `whole`: the job leaves the writer free while it is at the disk; else its first pass does.
bool Life::promise(Status (*job)(Database&), bool whole) {
  writer_is_free_ = true;
  stop_at_main_sync_ = !whole;
  const Status status = job(database_);
  writer_is_free_ = false;
  if (status) promised = database_.durable().index.value;
  return status.has_value() && story.empty();
}

// What the apply lane may do while the image lane waits for the disk.
void Life::beside(std::string_view op, std::string_view file) {
  if (!writer_is_free_) return;
  if (stop_at_main_sync_ && op == "sync" && file == kMainName) {
    writer_is_free_ = false;
    return;
  }
  if (applied() == scenario_.commands.size() || !rng_.chance(1, 4)) return;
  writer_is_free_ = false;
  const std::uint64_t before = applied();
  (void)apply_some();
  applied_beside += applied() - before;
  move_readers();
  writer_is_free_ = true;
}

// A reader that holds a snapshot makes checkpoints partial.
void Life::move_readers() {
  for (auto& reader : readers_) {
    Connection& connection = static_cast<ConnectionReader&>(*reader).connection();
    if (connection.in_transaction()) {
      if (rng_.chance(1, 2)) (void)connection.run(HostSql::rollback);
    } else if (rng_.chance(1, 3) && connection.run(HostSql::begin_read)) {
      (void)connection.value_of("SELECT count(*) FROM sqlite_schema");
    }
  }
}

void Life::release_readers() {
  for (auto& reader : readers_) {
    Connection& connection = static_cast<ConnectionReader&>(*reader).connection();
    if (connection.in_transaction()) (void)connection.run(HostSql::rollback);
  }
}

void crash(sim::SimDisk& disk, Rng& rng) {
  constexpr sim::Loss kLosses[] = {sim::Loss::all, sim::Loss::prefix, sim::Loss::subset,
                                   sim::Loss::torn_512, sim::Loss::torn_4096};
  const std::uint64_t kind = rng.below(6);
  if (kind == 5)
    disk.kill_process();
  else
    disk.lose_power(kLosses[kind]);
  disk.crash_after(std::nullopt);
}

}  // namespace lockstep::sql
