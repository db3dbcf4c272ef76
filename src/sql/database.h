// The replicated state machine: a SQLite database fed with log entries, on our VFS over env::Disk.
// The only room (sql/) that knows sqlite3.h.
//
// Database owns the writing connection; Reader objects own reading connections, one per read lane,
// which see committed transactions only and never block the writer. SQLite never syncs: durability
// is ours, by durable points. The protocol (numbered steps) is in docs/design.md, "Durable points".
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "env/disk.h"
#include "raft/messages.h"
#include "sql/result.h"
#include "storage/manifest.h"

namespace lockstep::sql {

struct DatabaseOptions {
  std::uint64_t seed = 0;        // WAL salts and SQLite's own generator; differs per start
  bool foreign_keys = false;     // -fk; a cluster setting: must be equal on all nodes
  int cache_pages = 2000;        // SQLite's page cache of each connection; a small one spills
  std::uint64_t step_limit = 0;  // virtual machine steps a statement may take when the command has
                                 // a db_timeout; 0: default
};

struct ReadOptions {
  Duration timeout{};  // db_timeout; 0 = none
};

class Reader {
 public:
  virtual ~Reader() = default;
  // Runs the command's statements (kind query or strong_read) read-only, in one read transaction if
  // command.transaction, and reports one result per statement (rqlite contract 3.4, 3.5). Never
  // fails as a whole for a user's SQL. Its own read lane only.
  virtual CommandResult query(std::string_view command) = 0;
  // True if every non-empty statement prepares and only reads (contract 3.2). Its own read lane
  // only.
  virtual bool is_read_only(std::string_view command) = 0;
};

struct Applied {
  LogIndex index;
  CommandResult result;  // empty for entries other than commands, and for strong_read entries
};

class Database {
 public:
  virtual ~Database() = default;
  // Opens, recovers or creates the database on `disk` at the state the manifest names.
  // Errc::corrupt: the files do not hold that state. Before the first turn, or on the apply lane.
  static Result<std::unique_ptr<Database>> open(env::Disk& disk, const DatabaseOptions& options);

  // The index this object's state stands at (starts at the durable state's).
  [[nodiscard]] virtual LogIndex applied() const = 0;
  [[nodiscard]] virtual storage::DurableState durable() const = 0;
  // Applies consecutive entries following applied(), as one SQLite transaction where the statements
  // allow it. Results in order. A user's SQL error is a result; a failure is final (Errc::io,
  // no_space): the caller ends the process. Apply lane only.
  virtual Result<std::vector<Applied>> apply(std::span<const raft::Entry> entries) = 0;
  // Makes applied() durable without a checkpoint: one WAL sync and one manifest write. Replay will
  // start there, the log may be compacted to there. Does nothing if it is durable already. Apply
  // lane only; final on failure.
  virtual Status durable_point() = 0;
  // Moves the WAL's frames into the main file and, when complete, lets the WAL start again (steps
  // 4-5). A long reader makes it partial: that is success too. Apply lane only; final on failure.
  virtual Status checkpoint() = 0;
  // Bytes of WAL in use since it last restarted; drives when to checkpoint.
  [[nodiscard]] virtual std::uint64_t wal_bytes() const = 0;
  // A hash of every table's rows and the schema (not of page bytes); equal on replicas at equal
  // applied(). Slow; for tests and the simulator's oracles. Apply lane only.
  virtual Result<std::uint64_t> content_hash() = 0;
  // A new reading connection for one read lane; the Database outlives it. Before the first turn.
  virtual Result<std::unique_ptr<Reader>> new_reader() = 0;
};

}  // namespace lockstep::sql
