#include "sql/executor.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"
#include "base/hash.h"
#include "sql/sql_text.h"

namespace lockstep::sql {
namespace {

constexpr char kForeignKeyError[] = "FOREIGN KEY constraint failed";

StatementResult error_result(std::string text, bool rows_wanted) {
  return {.outcome = SqlError{.text = std::move(text), .rows_wanted = rows_wanted}, .time = {}};
}

bool failed(const StatementResult& result) {
  return std::holds_alternative<SqlError>(result.outcome);
}

CommandResult whole_error(std::string text) {
  CommandResult result;
  result.error = std::move(text);
  return result;
}

// False if it may change the schema, or how statements are planned.
bool keeps_schema(const std::string& word) {
  static constexpr std::string_view kWords[] = {"select", "insert", "update",  "delete",
                                                "with",   "values", "replace", "explain"};
  return std::ranges::find(kWords, word) != std::end(kWords);
}

// True if what it does or shows follows the schema in memory: its order, or, for PRAGMA optimize,
// which tables this connection happened to look at.
bool follows_schema_order(const std::string& word) {
  return word == "analyze" || word == "reindex" || word == "pragma";
}

// True if the statement's answer is rows: what it returns, not what it changed.
bool answers_rows(const wire::Command& command, const Statement& statement) {
  if (statement.is_explain() && !command.no_parse) return true;
  if (statement.is_read_only()) return command.kind == wire::CommandKind::request;
  const bool returning = sqlite3_column_count(statement.get()) > 0 && statement.word() != "pragma";
  return returning && !command.no_parse;
}

}  // namespace

std::optional<std::string> refused_whole(const wire::Command& command) {
  const bool disallowed = std::ranges::any_of(
      command.statements, [](const auto& text) { return is_disallowed_pragma(text.sql); });
  return disallowed ? std::optional<std::string>("disallowed pragma") : std::nullopt;
}

bool Executor::batched() const {
  return connection_.authorizer().trust() == Trust::batched;
}

bool Executor::owes_foreign_keys() const {
  int now = 0;
  int highest = 0;
  sqlite3_db_status(connection_.handle(), SQLITE_DBSTATUS_DEFERRED_FKS, &now, &highest, 0);
  return now != 0;
}

bool Executor::outgrew_batch() const {
  return batched() && !connection_.budget().exact() && connection_.budget().spent();
}

bool Executor::needs_alone(int code) const {
  return connection_.authorizer().needs_alone() || (batched() && code == SQLITE_NOMEM);
}

std::string Executor::timeout_text(bool read) const {
  return read ? "query timeout" : "execute timeout";
}

void Executor::enter(const wire::Command& command) {
  if (LOCKSTEP_BUG(random_not_seeded))
    connection_.enter_unseeded(command.stamp);
  else
    connection_.enter(command.stamp, command.seed);
  connection_.limit_steps(command.db_timeout, !connection_.in_transaction());
  seed_ = command.seed;
  statements_ = 0;
  schema_touched_ = false;
}

Status Executor::forget() {
  TRY(reload_schema());
  return connection_.reset_settings();
}

Status Executor::reload_schema() {
  cache_.clear();
  has_modules_.reset();
  return connection_.reload_schema();
}

Status Executor::disconnect_modules() {
  if (!connection_.budget().exact()) return {};
  if (!has_modules_) {
    TRY_ASSIGN(const std::string tables,
               connection_.value_of("SELECT count(*) FROM sqlite_schema WHERE type='table' AND "
                                    "rootpage=0"));
    has_modules_ = tables != "0";
  }
  if (!*has_modules_) return {};
  TRY(reload_schema());
  has_modules_ = true;
  return {};
}

Result<Run> Executor::run_batched(const wire::Command& command) {
  CHECK(connection_.in_transaction());
  if (auto refusal = refused_whole(command)) return Run{.result = whole_error(std::move(*refusal))};
  const CounterState before = counters_of(connection_.handle());
  enter(command);
  TRY(disconnect_modules());
  TRY(connection_.run(HostSql::save_entry));
  Run run;
  {
    const TrustScope trust(connection_.authorizer(), Trust::batched);
    TRY_ASSIGN(run, run_texts(command));
  }
  if (run.end == End::destroyed) {
    TRY(reload_schema());
    return run;
  }
  CHECK(connection_.in_transaction());
  const bool failed_whole =
      command.transaction && !run.result.statements.empty() && failed(run.result.statements.back());
  const bool owes = command.transaction && !failed_whole && owes_foreign_keys();
  if (run.end == End::needs_alone || failed_whole || owes) {
    TRY(connection_.run(HostSql::rollback_entry));
    if (schema_touched_) TRY(reload_schema());
  }
  TRY(connection_.run(HostSql::release_entry));
  if (run.end == End::needs_alone) {
    const TrustScope trust(connection_.authorizer(), Trust::host);
    TRY(set_counters(connection_.handle(), before));
  } else if (owes) {
    run.result = whole_error(kForeignKeyError);
  }
  return run;
}

Result<CommandResult> Executor::run_alone(const wire::Command& command) {
  CHECK(!connection_.in_transaction());
  if (auto refusal = refused_whole(command)) return whole_error(std::move(*refusal));
  enter(command);
  TRY(disconnect_modules());
  if (command.transaction) TRY(connection_.run(HostSql::begin_batch));
  Run run;
  {
    const Trust trust = command.transaction ? Trust::alone_in_transaction : Trust::alone;
    const TrustScope scope(connection_.authorizer(), trust);
    TRY_ASSIGN(run, run_texts(command));
  }
  TRY_ASSIGN(CommandResult result, end_alone(command, std::move(run)));
  TRY(forget());
  return result;
}

Result<CommandResult> Executor::end_alone(const wire::Command& command, Run run) {
  CHECK(run.end == End::done);
  CommandResult& result = run.result;
  if (!connection_.in_transaction()) return std::move(result);
  if (!command.transaction) {
    TRY(connection_.run(HostSql::rollback));
    return whole_error("transaction left open by the request: rolled back");
  }
  if (!result.statements.empty() && failed(result.statements.back())) {
    TRY(connection_.run(HostSql::rollback));
    return std::move(result);
  }
  if (owes_foreign_keys()) {
    TRY(connection_.run(HostSql::rollback));
    return whole_error(kForeignKeyError);
  }
  TRY(connection_.run(HostSql::commit));
  return std::move(result);
}

Result<Run> Executor::run_texts(const wire::Command& command) {
  Run run;
  for (const wire::Statement& text : command.statements) {
    if (text.sql.empty()) continue;  // rqlite gives it no entry in the answer
    TRY_ASSIGN(Outcome outcome, run_text(command, text));
    if (outcome.end != End::done) {
      run.end = outcome.end;
      run.result.statements.clear();
      return run;
    }
    const bool stop = command.transaction && failed(outcome.result);
    run.result.statements.push_back(std::move(outcome.result));
    if (stop) break;
  }
  return run;
}

Result<Executor::Outcome> Executor::run_text(const wire::Command& command,
                                             const wire::Statement& text) {
  Outcome outcome;
  if (auto bad_name = check_names(text.parameters))
    return Outcome{.result = error_result(std::move(*bad_name), false)};
  // What runs alone may be forbidden in a batch, and what is counted must be prepared afresh: a
  // cached statement that the schema outran costs steps.
  const bool use_cache = batched() && !connection_.budget().exact();
  Preparer preparer(connection_, use_cache ? &cache_ : nullptr, text.sql);
  std::size_t start = 0;
  while (!preparer.at_end()) {
    Statement statement;
    ++statements_;
    if (follows_schema_order(preparer.next_word())) TRY(reload_schema());
    const int code = preparer.next(statement);
    if (connection_.is_fatal(code)) return std::unexpected(connection_.failure());
    if (code != SQLITE_OK) {
      if (needs_alone(code)) return Outcome{.end = End::needs_alone};
      return Outcome{.result = error_result(error_text(connection_, code), false)};
    }
    if (statement.get() == nullptr) continue;
    if (statement.word() == "vacuum" && batched()) return Outcome{.end = End::needs_alone};
    std::size_t used = 0;
    if (auto error = bind_parameters(connection_, statement.get(), text.parameters, start,
                                     text.parameters.size(), used))
      return Outcome{.result = error_result(std::move(*error), false)};
    start += used;
    TRY_ASSIGN(outcome, run_statement(command, std::move(statement)));
    if (outcome.end != End::done || failed(outcome.result)) return outcome;
  }
  return outcome;
}

Executor::Stepped Executor::step(Statement& statement, bool wants_rows) {
  const bool read_only = statement.is_read_only();
  const bool is_vacuum = statement.word() == "vacuum";
  Stepped stepped;
  std::size_t bytes = 0;
  connection_.authorizer().set_vacuuming(is_vacuum);
  connection_.budget().arm(true);
  while ((stepped.code = statement.step()) == SQLITE_ROW) {
    // rqlite steps a read among writes once; its rows are nobody's.
    if (!wants_rows && read_only) break;
    if (!wants_rows) continue;
    if (!stepped.rows) stepped.rows = columns_of(statement.get());
    const auto row_bytes = append_row(statement.get(), *stepped.rows);
    if (!row_bytes) {
      stepped.code = SQLITE_NOMEM;
      break;
    }
    bytes += *row_bytes;
    // A write has happened whatever we say of it: only reads are cut short.
    if (read_only && bytes > kResultBytesMax) {
      stepped.code = SQLITE_TOOBIG;
      stepped.error = "result too large";
      break;
    }
  }
  connection_.budget().arm(false);
  connection_.authorizer().set_vacuuming(false);
  if (stepped.code == SQLITE_DONE && wants_rows && !stepped.rows)
    stepped.rows = columns_of(statement.get());
  const bool ok = stepped.code == SQLITE_DONE || stepped.code == SQLITE_ROW;
  if (stepped.code == SQLITE_INTERRUPT)
    stepped.error = timeout_text(read_only);
  else if (!ok && stepped.error.empty())
    stepped.error = error_text(connection_, stepped.code);
  return stepped;
}

Result<Executor::Outcome> Executor::run_statement(const wire::Command& command,
                                                  Statement statement) {
  const bool wants_rows = answers_rows(command, statement);
  const bool read_only = statement.is_read_only();
  if (connection_.budget().spent())
    return Outcome{.result = error_result(timeout_text(read_only), wants_rows)};
  const bool would_commit =
      batched() && !command.transaction && !read_only && connection_.foreign_keys();
  if (would_commit) TRY(connection_.run(HostSql::save_statement));
  // Row ids after the largest come from here: the statement's own stream, whatever ran before.
  if (!read_only) seed_sqlite_generator(hash64("row ids", seed_ + statements_));
  const bool touches_schema = !keeps_schema(statement.word());
  Stepped stepped = step(statement, wants_rows);
  statement.release();  // a statement half way through would hold every savepoint open
  schema_touched_ = schema_touched_ || touches_schema;
  if (connection_.is_fatal(stepped.code)) return std::unexpected(connection_.failure());
  if (batched() && !connection_.in_transaction()) return Outcome{.end = End::destroyed};
  if (needs_alone(stepped.code) || outgrew_batch()) return Outcome{.end = End::needs_alone};
  // Before full text tables write what they hold back, as they do when the schema is loaded again.
  const CounterState counters = counters_of(connection_.handle());
  if (touches_schema) TRY(reload_schema());
  if (would_commit) {
    TRY_ASSIGN(std::optional<Outcome> violated, settle_foreign_keys());
    if (violated) return std::move(*violated);
  }
  Outcome outcome;
  if (!stepped.error.empty())
    outcome.result = error_result(std::move(stepped.error), wants_rows);
  else if (stepped.rows && !stepped.rows->columns.empty())
    outcome.result.outcome = std::move(*stepped.rows);
  else if (!wants_rows) {
    outcome.result.outcome = Counters{.last_insert_id = counters.last_insert_id,
                                      .rows_affected = counters.rows_affected};
  }
  return outcome;
}

Result<std::optional<Executor::Outcome>> Executor::settle_foreign_keys() {
  const bool violated = owes_foreign_keys();
  if (violated) TRY(connection_.run(HostSql::rollback_statement));
  TRY(connection_.run(HostSql::release_statement));
  if (!violated) return std::optional<Outcome>();
  const CounterState counters{.last_insert_id = sqlite3_last_insert_rowid(connection_.handle()),
                              .rows_affected = 0};
  const TrustScope trust(connection_.authorizer(), Trust::host);
  TRY(set_counters(connection_.handle(), counters));
  return std::optional<Outcome>(Outcome{.result = error_result(kForeignKeyError, false)});
}

}  // namespace lockstep::sql
