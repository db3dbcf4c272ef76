// Applies entries in batches: one SQLite transaction for as many as it can hold, a savepoint for
// each. An entry that cannot live in a shared transaction, or destroys it, is found out exactly,
// and runs alone after those before it; nobody else's work suffers.
#pragma once

#include <span>
#include <vector>

#include "base/rng.h"
#include "raft/messages.h"
#include "sql/database.h"
#include "sql/executor.h"

namespace lockstep::sql {

class Applier {
 public:
  // `seed` differs per start: WAL salts come from it.
  Applier(Connection& connection, std::uint64_t seed)
      : connection_(connection), executor_(connection), salts_(Rng(seed).derive("wal salts")) {}

  // Results in order; all of it is committed. Failure is final.
  Result<std::vector<Applied>> apply(std::span<const raft::Entry> entries);

 private:
  struct Stop {
    std::size_t at = 0;        // entries before it are committed
    bool alone = false;        // the entry at `at` must run alone
    bool rolled_back = false;  // nothing is committed: the entry at `at` destroyed it all
  };
  Result<Stop> run_batch(std::span<const raft::Entry> entries, std::size_t first, std::size_t end,
                         std::vector<Applied>& out);
  Result<Stop> try_batch(std::span<const raft::Entry> entries, std::size_t first, std::size_t end,
                         std::vector<Applied>& out);
  Status run_alone(const raft::Entry& entry, CommandResult& out);
  Status begin_wal();
  Status begin();

  Connection& connection_;
  Executor executor_;
  Rng salts_;
};

}  // namespace lockstep::sql
