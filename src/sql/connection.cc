#include "sql/connection.h"

#include <sqlite3.h>

#include <algorithm>
#include <ctime>

#include "base/check.h"
#include "sql/counters.h"
#include "sql/functions.h"
#include "sql/memory.h"

namespace lockstep::sql {
namespace {

// 'localtime' must not ask the machine where it stands.
int utc_for_local(const void* seconds, void* out) {
  return gmtime_r(static_cast<const std::time_t*>(seconds), static_cast<std::tm*>(out)) == nullptr;
}

constexpr const char* kHostSql[] = {"BEGIN IMMEDIATE",
                                    "BEGIN",
                                    "COMMIT",
                                    "ROLLBACK",
                                    "SAVEPOINT lockstep_entry",
                                    "RELEASE lockstep_entry",
                                    "ROLLBACK TO lockstep_entry",
                                    "SAVEPOINT lockstep_statement",
                                    "RELEASE lockstep_statement",
                                    "ROLLBACK TO lockstep_statement"};

struct Limit {
  int id;
  int value;
};
// Part of what an entry means: changing one is changing the format.
constexpr Limit kLimits[] = {{SQLITE_LIMIT_LENGTH, 64 << 20},
                             {SQLITE_LIMIT_SQL_LENGTH, 64 << 20},
                             {SQLITE_LIMIT_COLUMN, 2000},
                             {SQLITE_LIMIT_EXPR_DEPTH, 1000},
                             {SQLITE_LIMIT_COMPOUND_SELECT, 500},
                             {SQLITE_LIMIT_VDBE_OP, 250'000'000},
                             {SQLITE_LIMIT_FUNCTION_ARG, 127},
                             {SQLITE_LIMIT_ATTACHED, 1},  // VACUUM's own
                             {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50'000},
                             {SQLITE_LIMIT_VARIABLE_NUMBER, 32'766},
                             {SQLITE_LIMIT_TRIGGER_DEPTH, 1000},
                             {SQLITE_LIMIT_WORKER_THREADS, 0}};

struct Switch {
  int id;
  int on;
};
constexpr Switch kSwitches[] = {{SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1},
                                {SQLITE_DBCONFIG_ENABLE_TRIGGER, 1},
                                {SQLITE_DBCONFIG_ENABLE_VIEW, 1},
                                {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
                                {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
                                {SQLITE_DBCONFIG_ENABLE_QPSG, 0},
                                {SQLITE_DBCONFIG_TRIGGER_EQP, 0},
                                // What modules keep in shadow tables is theirs to write: what
                                // they cannot read they may meet inside a transaction that many
                                // entries share.
                                {SQLITE_DBCONFIG_DEFENSIVE, 1},
                                {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
                                {SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, 0},
                                {SQLITE_DBCONFIG_LEGACY_FILE_FORMAT, 0},
                                {SQLITE_DBCONFIG_DQS_DML, 1},  // rqlite's users quote with "
                                {SQLITE_DBCONFIG_DQS_DDL, 1},
                                {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1},
                                {SQLITE_DBCONFIG_STMT_SCANSTATUS, 0},
                                {SQLITE_DBCONFIG_REVERSE_SCANORDER, 0}};

// secure_delete: what freed pages leave behind in reused ones depends on caches and batches, and
// replicas whose files are to be compared byte by byte must not differ in it. (Unused pages still
// may: one that a rolled back entry had taken keeps its bytes.)
// busy_timeout: a reader that met the WAL-index half written looks again holding the writer's lock,
// for a moment in which the writer may want it.
constexpr const char* kPragmas =
    "PRAGMA temp_store=2;PRAGMA synchronous=0;PRAGMA wal_autocheckpoint=0;"
    "PRAGMA locking_mode=NORMAL;PRAGMA recursive_triggers=0;PRAGMA secure_delete=1;"
    "PRAGMA automatic_index=1;PRAGMA case_sensitive_like=0;PRAGMA cell_size_check=0;"
    "PRAGMA ignore_check_constraints=0;PRAGMA reverse_unordered_selects=0;"
    "PRAGMA read_uncommitted=0;PRAGMA mmap_size=0;PRAGMA threads=0;PRAGMA busy_timeout=60000;"
    "PRAGMA journal_size_limit=-1;PRAGMA analysis_limit=0;PRAGMA full_column_names=0;"
    "PRAGMA short_column_names=1;PRAGMA count_changes=0;PRAGMA empty_result_callbacks=0";

}  // namespace

void initialise_sqlite() {
  [[maybe_unused]] static const bool done = [] {
    // The machine may have another SQLite, and its header.
    CHECK(sqlite3_libversion_number() == SQLITE_VERSION_NUMBER);
    watch_allocations();
    CHECK(sqlite3_initialize() == SQLITE_OK);
    sqlite3_test_control(SQLITE_TESTCTRL_LOCALTIME_FAULT, 2, &utc_for_local);
    return true;
  }();
}

void seed_sqlite_generator(std::uint64_t seed) {
  // Zero would mean "seed from the system".
  const auto word = static_cast<unsigned>(seed ^ (seed >> 32)) | 1u;
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(word),
                       static_cast<sqlite3*>(nullptr));
}

namespace {

FileAccess access_of(Role role) {
  switch (role) {
    case Role::writer:
      return FileAccess::write;
    case Role::copier:
      return FileAccess::copy;
    case Role::reader:
      break;
  }
  return FileAccess::read;
}

}  // namespace

bool Connection::is_fatal(int extended_code) const {
  // SQLite does not pass on every failure: it does without statistics that it cannot read, and yet
  // has rolled the transaction back.
  if (files_.locks().has_failed()) return true;
  if (role_ == Role::reader) return false;
  if (role_ == Role::writer && files_.disk_was_full) return true;
  // A user can damage the shadow tables of a full text index: that is an error of the statement.
  // And SQLite says "full" of a table that has run out of row ids, too.
  if (extended_code == SQLITE_CORRUPT_VTAB) return false;
  if (extended_code == SQLITE_NOMEM) return refused_allocations() != refused_before_;
  switch (extended_code & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_CANTOPEN:
    case SQLITE_NOTADB:
    case SQLITE_PROTOCOL:
    case SQLITE_BUSY:
      return true;
    default:
      return false;
  }
}

int StepBudget::on_step(void* self) {
  auto& budget = *static_cast<StepBudget*>(self);
  if (budget.interrupted()) return 1;
  if (!budget.armed_) return 0;
  budget.left_ -= std::min(budget.left_, static_cast<std::uint64_t>(budget.granularity()));
  return budget.left_ == 0 ? 1 : 0;
}

bool StepBudget::interrupted() {
  if (interruption_ == nullptr) return false;
  if (exact_ && --steps_to_look_ > 0) return false;
  steps_to_look_ = kStepsPerLook;
  return interruption_->asked();
}

Connection::Connection(DatabaseFiles& files, const DatabaseOptions& options, Role role)
    : files_(files),
      role_(role),
      foreign_keys_(options.foreign_keys),
      step_limit_(options.step_limit),
      request_steps_max_(options.request_steps_max),
      vfs_(files, access_of(role), options.seed),
      rng_(options.seed) {}

Connection::~Connection() {
  for (sqlite3_stmt* statement : host_statements_) sqlite3_finalize(statement);
  CHECK(sqlite3_close(db_) == SQLITE_OK);  // nobody holds a statement any more
}

Result<std::unique_ptr<Connection>> Connection::open(DatabaseFiles& files,
                                                     const DatabaseOptions& options, Role role) {
  initialise_sqlite();
  std::unique_ptr<Connection> connection(new Connection(files, options, role));
  TRY(connection->open_handle());
  TRY(connection->configure(options));
  return connection;
}

Status Connection::open_handle() {
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  const int code = sqlite3_open_v2(kMainName, &db_, kFlags, vfs_.name());
  if (code != SQLITE_OK) return std::unexpected(failure());
  sqlite3_extended_result_codes(db_, 1);
  authorizer_ = std::make_unique<Authorizer>(db_);
  return {};
}

Status Connection::configure(const DatabaseOptions& options) {
  for (const Limit& limit : kLimits) sqlite3_limit(db_, limit.id, limit.value);
  for (const Switch& entry : kSwitches)
    CHECK(sqlite3_db_config(db_, entry.id, entry.on, nullptr) == SQLITE_OK);
  if (install_functions(db_, rng_) != SQLITE_OK || install_counters(db_) != SQLITE_OK)
    return std::unexpected(failure());
  TRY(exec(kPragmas));
  TRY(exec(("PRAGMA cache_size=" + std::to_string(options.cache_pages)).c_str()));
  TRY(reset_settings());
  if (role_ != Role::writer) TRY(exec("PRAGMA query_only=1"));
  for (unsigned i = 0; i < static_cast<unsigned>(HostSql::count_); ++i) {
    const int code = sqlite3_prepare_v3(db_, kHostSql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                        &host_statements_[i], nullptr);
    if (code != SQLITE_OK) return std::unexpected(failure());
  }
  return {};
}

void Connection::enter(WallTime now, std::uint64_t seed) {
  enter_unseeded(now);
  rng_ = Rng(seed);
}

void Connection::enter_unseeded(WallTime now) {
  vfs_.set_time(now);
  refused_before_ = refused_allocations();
}

void Connection::limit_steps(Duration timeout, bool exact) {
  // About what a core of 2020 does in that time. Every node must count alike, so this is a constant
  // of the format.
  constexpr std::uint64_t kStepsPerMicrosecond = 70;
  const bool timed = timeout > Duration::zero();
  std::uint64_t steps = timed || exact ? request_steps_max_ : request_steps_max_ / 2;
  if (timed) {
    const auto micros = std::chrono::duration_cast<microseconds>(timeout).count();
    const auto asked = static_cast<std::uint64_t>(micros) * kStepsPerMicrosecond + 1;
    steps = std::min(steps, step_limit_ != 0 ? step_limit_ : asked);
  }
  budget_.start(steps, timed || exact);
  // Exact means a granularity of one, as SQLite counts from what a statement did in earlier runs.
  sqlite3_progress_handler(db_, budget_.granularity(), &StepBudget::on_step, &budget_);
}

Status Connection::run(HostSql which) {
  sqlite3_stmt* const statement = host_statements_[static_cast<unsigned>(which)];
  const TrustScope trust(*authorizer_, Trust::host);
  const int code = sqlite3_step(statement);
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement);
    return {};
  }
  auto error = failure();
  sqlite3_reset(statement);
  return std::unexpected(std::move(error));
}

Status Connection::exec(const char* sql) {
  const TrustScope trust(*authorizer_, Trust::host);
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return std::unexpected(failure());
  return {};
}

Result<std::string> Connection::value_of(const char* sql) {
  const TrustScope trust(*authorizer_, Trust::host);
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr);
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  if (code != SQLITE_ROW) {
    auto error = failure();
    sqlite3_finalize(statement);
    return std::unexpected(std::move(error));
  }
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
  std::string value(text == nullptr ? "" : text);
  sqlite3_finalize(statement);
  return value;
}

Status Connection::reset_settings() {
  const int on = foreign_keys_ ? 1 : 0;
  CHECK(sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_FKEY, on, nullptr) == SQLITE_OK);
  return exec("PRAGMA defer_foreign_keys=0");
}

Status Connection::begin_wal() {
  // A checkpoint beside us may finish at any moment, so what it may copy counts as copied.
  const std::uint64_t copying = files_.guard().copying();
  const WalIndex wal = files_.wal_index();
  if (std::max(wal.backfilled, copying) < wal.frames) return {};
  // Writes page 1 as it is: one frame for each time the WAL starts, or might.
  TRY_ASSIGN(const std::string version, value_of("PRAGMA user_version"));
  TRY(run(HostSql::begin_batch));
  TRY(exec(("PRAGMA user_version=" + version).c_str()));
  TRY(run(HostSql::commit));
  // That was no effect of the batch.
  if (files_.batch_begins_at == wal.frames) files_.batch_begins_at = files_.wal_index().frames;
  return {};
}

Status Connection::reload_schema() {
  if (in_transaction()) {
    // A savepoint makes full text tables write what they hold back: a second object will speak for
    // the same table.
    TRY(run(HostSql::save_statement));
    TRY(run(HostSql::release_statement));
  }
  return exec("PRAGMA writable_schema=RESET");
}

Error Connection::failure() {
  if (auto noted = files_.locks().failure()) return *noted;
  if (role_ == Role::writer && files_.disk_was_full)
    return Error{Errc::no_space, "no space left on the disk"};
  const int code = sqlite3_errcode(db_);
  const bool corrupt = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  const Errc kind = code == SQLITE_FULL ? Errc::no_space : corrupt ? Errc::corrupt : Errc::io;
  return Error{kind, std::string("SQLite: ") + sqlite3_errmsg(db_)};
}

}  // namespace lockstep::sql
