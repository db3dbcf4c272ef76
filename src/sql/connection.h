// One SQLite connection as we run it: every default set explicitly (distributions differ), limits
// equal everywhere, functions and authorizer in place. The role decides the rest: one writer, on
// the apply lane, a reader for each read lane, and a copier on the image lane for checkpoints.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/rng.h"
#include "sql/authorizer.h"
#include "sql/database.h"
#include "sql/vfs.h"

namespace lockstep::sql {

enum class Role { writer, reader, copier };

// Our own statements that run for every batch and entry, prepared once.
enum class HostSql : unsigned char {
  begin_batch,
  begin_read,
  commit,
  rollback,
  save_entry,
  release_entry,
  rollback_entry,
  save_statement,
  release_statement,
  rollback_statement,
  count_,
};

// Once per process, any number of times: initialises SQLite; local time becomes UTC for good.
void initialise_sqlite();
// Seeds SQLite's own generator, which is one per process: WAL salts, and row ids once the largest
// is taken. Only the writing connection draws from it.
void seed_sqlite_generator(std::uint64_t seed);

// A bound on a command's work in virtual machine steps: the same on every node, unlike time. An
// exact one is, if no statement comes from a cache; a rough one spares caches and is only good to
// find out that an exact one is needed.
class StepBudget {
 public:
  void start(std::uint64_t steps, bool exact) {
    left_ = steps;
    exact_ = exact;
  }
  [[nodiscard]] bool exact() const { return exact_; }
  [[nodiscard]] bool spent() const { return left_ == 0; }
  // Counts only between these.
  void arm(bool armed) { armed_ = armed; }
  // Asks now and then, armed or not, whether the query is to end.
  void watch(Interruption* interruption) { interruption_ = interruption; }
  // SQLite's progress handler, called every granularity() steps.
  static int on_step(void* self);
  [[nodiscard]] int granularity() const { return exact_ ? 1 : kStepsPerLook; }

 private:
  // How many steps lie between two looks at the interruption.
  static constexpr int kStepsPerLook = 1000;
  bool interrupted();

  std::uint64_t left_ = 1;
  bool exact_ = false;
  bool armed_ = false;
  Interruption* interruption_ = nullptr;
  int steps_to_look_ = 0;
};

class Connection {
 public:
  // `files` outlives it. Errc::corrupt: SQLite does not accept the file.
  static Result<std::unique_ptr<Connection>> open(DatabaseFiles& files,
                                                  const DatabaseOptions& options, Role role);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] sqlite3* handle() { return db_; }
  [[nodiscard]] Authorizer& authorizer() { return *authorizer_; }
  [[nodiscard]] StepBudget& budget() { return budget_; }
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  [[nodiscard]] Role role() const { return role_; }
  [[nodiscard]] bool foreign_keys() const { return foreign_keys_; }

  // The time and the random numbers that statements see from here on.
  void enter(WallTime now, std::uint64_t seed);
  // As enter(), but the random numbers go on where they were (switchable bug random_not_seeded).
  void enter_unseeded(WallTime now);
  // From here on, until the next call, statements have a step budget together: an exact one if
  // `timeout` is set or `exact` says so, else a rough one of half the size, so that what outgrew a
  // rough one nowhere would have kept to the exact one everywhere. A watched interruption ends them
  // in any case.
  void limit_steps(Duration timeout, bool exact);

  // Statements of ours. Any failure is final.
  Status run(HostSql which);
  Status exec(const char* sql);
  // The value of a one-value query of ours.
  Result<std::string> value_of(const char* sql);
  // Sets the cluster's foreign key setting in force again after an entry changed it.
  Status reset_settings();
  // Starts the WAL (again) if the next write would: a statement that spills its pages would
  // otherwise draw the salts in the middle of its own random numbers. Not inside a transaction.
  Status begin_wal();
  // Forgets the schema in memory; the next statement loads it from the file. ANALYZE and others go
  // through tables in an order that depends on how the schema came into memory, piece by piece or
  // at once, and so on restarts and rollbacks. Precondition: no statement is cached or under way.
  Status reload_schema();
  // True if an operation's failure is the machine's and not the statement's: nothing may be
  // answered. On a reader only what the VFS has noted is: damage, and a disk that fails. A read
  // depends on nobody and nobody on it, so whatever else SQLite says, memory or a malformed shadow
  // table, ends that read alone. On the writer "out of memory" is if the machine refused memory
  // since enter() (sql/memory.h).
  [[nodiscard]] bool is_fatal(int extended_code) const;
  // The failure behind a fatal result code. Errc::no_space: the disk is full, for now.
  [[nodiscard]] Error failure();

 private:
  Connection(DatabaseFiles& files, const DatabaseOptions& options, Role role);
  Status open_handle();
  Status configure(const DatabaseOptions& options);

  DatabaseFiles& files_;
  const Role role_;
  const bool foreign_keys_;
  const std::uint64_t step_limit_;
  const std::uint64_t request_steps_max_;
  Vfs vfs_;
  Rng rng_;
  sqlite3* db_ = nullptr;
  std::unique_ptr<Authorizer> authorizer_;
  StepBudget budget_;
  std::uint64_t refused_before_ = 0;  // refused_allocations() at enter()
  sqlite3_stmt* host_statements_[static_cast<unsigned>(HostSql::count_)] = {};
};

}  // namespace lockstep::sql
