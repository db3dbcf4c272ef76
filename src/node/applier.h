// Applier: feeds committed, locally durable entries to the database, in order, one job at a time;
// whatever was committed meanwhile is the next job's one SQLite transaction. Between jobs it sees
// to durable points and checkpoints.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "env/env.h"
#include "node/consensus.h"
#include "node/lifeline.h"
#include "sql/database.h"

namespace lockstep::node {

class Applier {
 public:
  struct Options {
    std::uint64_t batch_entries_max = 0;
    std::uint64_t batch_bytes_max = 0;
    std::uint64_t durable_point_entries = 0;
    std::uint64_t checkpoint_wal_bytes = 0;
  };
  // An entry was applied; called in log order, one turn for a whole job's entries.
  using AppliedFn = std::function<void(raft::Position at, sql::CommandResult result)>;

  Applier(env::Env env, Options options, Consensus& consensus, sql::Database& database,
          AppliedFn applied, std::function<void(Error)> failed);

  // There may be more to apply.
  void poke();
  [[nodiscard]] LogIndex applied() const { return applied_; }
  [[nodiscard]] LogIndex durable() const { return durable_; }
  [[nodiscard]] std::uint64_t wal_bytes() const { return wal_bytes_; }

  // Runs `task` as soon as applied() >= index; with false if `deadline` passes first. Maybe at
  // once.
  void when_applied(LogIndex index, TimePoint deadline, std::move_only_function<void(bool)> task);

 private:
  // What a job on the apply lane leaves behind.
  struct Outcome {
    Result<std::vector<sql::Applied>> applied;
    std::uint64_t wal_bytes = 0;
    LogIndex durable;
  };
  struct Waiter {
    TimePoint deadline;
    std::move_only_function<void(bool)> task;
  };

  void load(LogIndex first, LogIndex end);
  void apply(std::vector<raft::Entry> entries);
  void keep_house();
  void run(std::function<Result<std::vector<sql::Applied>>()> work, std::vector<Term> terms);
  void finish(Outcome outcome, const std::vector<Term>& terms);
  void release_waiters();
  void schedule_sweep();

  env::Env env_;
  const Options options_;
  Consensus& consensus_;
  sql::Database& database_;
  AppliedFn on_applied_;
  std::function<void(Error)> failed_;
  LogIndex applied_;
  LogIndex durable_;
  std::uint64_t wal_bytes_ = 0;
  // A checkpoint that readers made partial is tried again only after this much more WAL.
  std::uint64_t checkpoint_at_ = 0;
  bool busy_ = false;
  bool sweep_scheduled_ = false;
  std::multimap<LogIndex, Waiter> waiters_;
  Lifeline life_;
};

}  // namespace lockstep::node
