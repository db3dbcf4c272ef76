// A reading connection: sees committed transactions only, takes no lock that the writer waits for,
// and may not write a byte.
#pragma once

#include <memory>

#include "sql/connection.h"
#include "sql/lane_locks.h"
#include "sql/statement.h"

namespace lockstep::sql {

class ConnectionReader final : public Reader {
 public:
  // `files` outlives it.
  static Result<std::unique_ptr<ConnectionReader>> open(DatabaseFiles& files,
                                                        const DatabaseOptions& options);
  Result<CommandResult> query(std::string_view command) override;
  bool is_read_only(std::string_view command) override;
  void interrupt() override { interruption_.ask(); }
  void retire() override { interruption_.ask_for_good(); }

  // For tests that hold a snapshot open across the writer's work.
  [[nodiscard]] Connection& connection() { return *connection_; }

 private:
  explicit ConnectionReader(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)) {
    connection_->budget().watch(&interruption_);
  }
  Status read_statements(const wire::Command& command, CommandResult& result);
  Result<StatementResult> read_text(const wire::Statement& text);
  Result<StatementResult> read_rows(Statement& statement);
  Result<StatementResult> failed_read(int code);
  bool text_is_read_only(std::string_view sql);

  Interruption interruption_;
  std::unique_ptr<Connection> connection_;
  StatementCache cache_;
};

}  // namespace lockstep::sql
