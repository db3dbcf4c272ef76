// Applier: feeds committed, locally durable entries to the database, in order, one job at a time;
// whatever was committed meanwhile is the next job's one SQLite transaction. A full disk makes it
// wait and try again.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "env/env.h"
#include "node/consensus.h"
#include "node/lifeline.h"
#include "node/ticker.h"
#include "sql/database.h"

namespace lockstep::node {

class Applier {
 public:
  struct Options {
    std::uint64_t batch_entries_max = 0;
    std::uint64_t batch_bytes_max = 0;
  };
  // An entry was applied; called in log order, one turn for a whole job's entries.
  using AppliedFn = std::function<void(raft::Position at, sql::CommandResult result)>;

  struct Listener {
    AppliedFn applied;
    std::function<void()> job_done;     // after everybody was told
    std::function<void(bool)> space;    // false: the disk is full; true: no longer
    std::function<void(Error)> failed;  // final
  };

  Applier(env::Env env, Options options, Consensus& consensus, sql::Database& database,
          Listener listener);

  // There may be more to apply.
  void poke();
  [[nodiscard]] LogIndex applied() const { return applied_; }
  // No job begins any more; `done` as soon as none is under way, maybe at once.
  void halt(std::move_only_function<void()> done);

  // Runs `task` as soon as applied() >= index; with false if `deadline` passes first. Maybe at
  // once.
  void when_applied(LogIndex index, TimePoint deadline, std::move_only_function<void(bool)> task);

 private:
  using Outcome = Result<std::vector<sql::Applied>>;
  struct Waiter {
    TimePoint deadline;
    std::move_only_function<void(bool)> task;
  };

  void load(LogIndex first, LogIndex end);
  void apply(std::vector<raft::Entry> entries);
  void finish(Outcome outcome, const std::vector<Term>& terms);
  void wait_for_space();
  void release_waiters();
  void sweep();

  env::Env env_;
  const Options options_;
  Consensus& consensus_;
  sql::Database& database_;
  Listener listener_;
  LogIndex applied_;
  bool busy_ = false;
  bool disk_full_ = false;
  bool halted_ = false;
  std::move_only_function<void()> on_halted_;
  Ticker sweeper_;  // while somebody waits
  std::multimap<LogIndex, Waiter> waiters_;
  Lifeline life_;
};

}  // namespace lockstep::node
