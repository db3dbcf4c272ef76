// What the crash tests share: entries with the states they lead to, lives of a process that applies
// them with durable points and checkpoints in between, and crashes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "sim/disk.h"
#include "tests/sql/hook_disk.h"
#include "tests/sql/support.h"

namespace lockstep::sql {

struct Scenario {
  std::uint64_t seed = 0;
  std::vector<std::string> commands;
  std::vector<std::uint64_t> content;  // content[i]: after i entries
  std::vector<std::uint64_t> results;  // results[i]: of entry i + 1
  bool foreign_keys = false;
};

Scenario make_scenario(std::uint64_t seed, int entries);
// `start` tells the starts of one process after the other apart.
DatabaseOptions options_of(const Scenario& scenario, std::uint64_t start);

// How a life goes.
struct LifeOptions {
  bool readers = true;         // two of them hold snapshots at times
  bool writer_beside = false;  // entries are applied in the middle of durable points, checkpoints
  bool restarts_wal = true;    // some checkpoints do
};

// One life of the process on a disk.
class Life {
 public:
  Life(const Scenario& scenario, HookDisk& disk, Database& database, Rng rng, LifeOptions options);
  ~Life();
  // Until all is applied. False: something failed (the disk died).
  bool run();
  // As long as fewer entries are applied.
  bool run_until(std::uint64_t applied);

  std::uint64_t promised = 0;        // the durable index that was promised last
  std::uint64_t applied_beside = 0;  // entries applied in the middle of another lane's job
  std::string story;                 // what else went wrong

 private:
  std::uint64_t applied() const { return database_.status().applied.value; }
  bool apply_some();
  bool image_job();
  bool promise(Status (*job)(Database&), bool whole);
  void beside(std::string_view op, std::string_view file);
  void move_readers();
  void release_readers();

  const Scenario& scenario_;
  HookDisk& disk_;
  Database& database_;
  Rng rng_;
  const LifeOptions options_;
  std::vector<std::unique_ptr<Reader>> readers_;
  bool writer_is_free_ = false;
  bool stop_at_main_sync_ = false;
};

// The process ends, or the power goes: one of the six kinds, drawn. The disk works again.
void crash(sim::SimDisk& disk, Rng& rng);

// All crashes of this program's run, for its last line.
void count_crashes(const char* kind, std::uint64_t crashes);

}  // namespace lockstep::sql
