#include "sql/reader.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "sql/executor.h"

namespace lockstep::sql {
namespace {

StatementResult read_error(std::string text) {
  return {.outcome = SqlError{.text = std::move(text), .rows_wanted = true}, .time = {}};
}

// The time in which interrupt() means this query.
class QueryScope {
 public:
  explicit QueryScope(Interruption& interruption) : interruption_(interruption) {
    interruption_.begin();
  }
  ~QueryScope() { interruption_.end(); }
  QueryScope(const QueryScope&) = delete;
  QueryScope& operator=(const QueryScope&) = delete;

 private:
  Interruption& interruption_;
};

}  // namespace

Result<std::unique_ptr<ConnectionReader>> ConnectionReader::open(DatabaseFiles& files,
                                                                 const DatabaseOptions& options) {
  TRY_ASSIGN(auto connection, Connection::open(files, options, Role::reader));
  // Loads the schema now, so that the first query does not pay for it.
  TRY(connection->value_of("SELECT count(*) FROM sqlite_schema"));
  return std::unique_ptr<ConnectionReader>(new ConnectionReader(std::move(connection)));
}

Result<CommandResult> ConnectionReader::query(std::string_view bytes) {
  CommandResult result;
  const auto command = wire::decode_command(bytes);
  if (!command) {
    result.error = "malformed command";
    return result;
  }
  if (auto refusal = refused_whole(*command)) {
    result.error = std::move(*refusal);
    return result;
  }
  const QueryScope scope(interruption_);
  connection_->enter(command->stamp, command->seed);
  connection_->limit_steps(command->db_timeout, false);
  if (command->transaction) {
    if (const Status begun = connection_->run(HostSql::begin_read); !begun) {
      if (connection_->is_fatal(SQLITE_ERROR)) return std::unexpected(begun.error());
      result.error = begun.error().text;
      return result;
    }
  }
  const Status done = read_statements(*command, result);
  if (connection_->in_transaction()) TRY(connection_->run(HostSql::rollback));
  TRY(done);
  return result;
}

Status ConnectionReader::read_statements(const wire::Command& command, CommandResult& result) {
  const TrustScope trust(connection_->authorizer(), Trust::reader);
  for (const auto& text : command.statements) {
    if (text.sql.empty()) continue;
    // Those after an interrupted statement are not run.
    if (interruption_.asked()) {
      result.statements.push_back(read_error(kReadInterrupted));
      continue;
    }
    TRY_ASSIGN(StatementResult one, read_text(text));
    result.statements.push_back(std::move(one));
  }
  return {};
}

// What the machine failed to do is no answer; what the statement got wrong is one.
Result<StatementResult> ConnectionReader::failed_read(int code) {
  if (connection_->is_fatal(code)) return std::unexpected(connection_->failure());
  if ((code & 0xff) == SQLITE_READONLY) return read_error(std::string(kChangeInRead));
  return read_error(error_text(*connection_, code));
}

Result<StatementResult> ConnectionReader::read_text(const wire::Statement& text) {
  if (auto bad_name = check_names(text.parameters)) return read_error(std::move(*bad_name));
  Preparer preparer(*connection_, &cache_, text.sql);
  Statement statement;
  std::size_t start = 0;
  // Only the last statement of a text is run (contract 3.5); those before must be well-formed.
  while (!preparer.at_end()) {
    const int code = preparer.next(statement);
    if (code != SQLITE_OK) return failed_read(code);
    if (statement.get() == nullptr) continue;
    std::size_t used = 0;
    const std::size_t counted = text.parameters.size() - std::min(start, text.parameters.size());
    if (auto error =
            bind_parameters(*connection_, statement.get(), text.parameters, start, counted, used))
      return read_error(std::move(*error));
    start += used;
  }
  if (statement.get() == nullptr) return StatementResult{};
  return read_rows(statement);
}

Result<StatementResult> ConnectionReader::read_rows(Statement& statement) {
  if (connection_->budget().spent()) return read_error("query timeout");
  std::optional<Rows> rows;
  std::size_t bytes = 0;
  connection_->budget().arm(true);
  int code = SQLITE_ROW;
  while (bytes <= kResultBytesMax && (code = statement.step()) == SQLITE_ROW) {
    if (!rows) rows = columns_of(statement.get());
    const auto row_bytes = append_row(statement.get(), *rows);
    if (!row_bytes) {
      code = SQLITE_NOMEM;
      break;
    }
    bytes += *row_bytes;
  }
  connection_->budget().arm(false);
  if (code == SQLITE_ROW) return read_error("result too large");
  if (code == SQLITE_INTERRUPT)
    return read_error(interruption_.asked() ? kReadInterrupted : "query timeout");
  if (code != SQLITE_DONE) return failed_read(code);
  if (!rows) rows = columns_of(statement.get());
  StatementResult result;
  if (!rows->columns.empty()) result.outcome = std::move(*rows);
  return result;
}

bool ConnectionReader::is_read_only(std::string_view bytes) {
  const auto command = wire::decode_command(bytes);
  if (!command) return false;
  // Refused by whoever runs it: a reader does that without a log entry.
  if (refused_whole(*command)) return true;
  const TrustScope trust(connection_->authorizer(), Trust::reader);
  return std::ranges::all_of(command->statements,
                             [&](const auto& text) { return text_is_read_only(text.sql); });
}

bool ConnectionReader::text_is_read_only(std::string_view sql) {
  Preparer preparer(*connection_, &cache_, sql);
  while (!preparer.at_end()) {
    Statement statement;
    if (preparer.next(statement) != SQLITE_OK) return false;
    if (statement.get() == nullptr) continue;
    if (!statement.is_read_only() && !statement.is_explain()) return false;
  }
  return true;
}

}  // namespace lockstep::sql
