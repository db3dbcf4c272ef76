// Applies entries in batches: one SQLite transaction for as many as it can hold, a savepoint for
// each. An entry that cannot live in a shared transaction, or destroys it, is found out exactly,
// and runs alone after those before it; nobody else's work suffers.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/rng.h"
#include "raft/messages.h"
#include "sql/database.h"
#include "sql/executor.h"
#include "sql/vfs.h"

namespace lockstep::sql {

class Applier {
 public:
  // All outlive it. `seed` differs per start: WAL salts come from it.
  static Result<std::unique_ptr<Applier>> open(DatabaseFiles& files, Connection& connection,
                                               std::uint64_t seed);

  // Results in order; all of it is committed. Errc::no_space: nothing is, and all is as before; the
  // same may be tried again. Any other failure is final.
  Result<std::vector<Applied>> apply(std::span<const raft::Entry> entries);

 private:
  struct Stop {
    std::size_t at = 0;        // entries before it are committed
    bool alone = false;        // the entry at `at` must run alone
    bool rolled_back = false;  // nothing is committed: the entry at `at` destroyed it all
  };
  Applier(DatabaseFiles& files, Connection& connection, std::uint64_t seed)
      : files_(files),
        connection_(connection),
        executor_(connection),
        salts_(Rng(seed).derive("wal salts")) {}
  Result<std::vector<Applied>> run(std::span<const raft::Entry> entries);
  Status take_back(const CounterState& before);
  Result<Stop> run_batch(std::span<const raft::Entry> entries, std::size_t first, std::size_t end,
                         std::vector<Applied>& out);
  Result<Stop> try_batch(std::span<const raft::Entry> entries, std::size_t first, std::size_t end,
                         std::vector<Applied>& out);
  Status run_alone(const raft::Entry& entry, CommandResult& out);
  Status begin_wal();
  Status begin();

  DatabaseFiles& files_;
  std::unique_ptr<env::File> wal_;
  Connection& connection_;
  Executor executor_;
  Rng salts_;
};

}  // namespace lockstep::sql
