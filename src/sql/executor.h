// Runs one command's statements on the writing connection, by rqlite's rules (contract 1.3, 1.4,
// 6.1-6.7), either inside the transaction that a batch of entries shares or alone in autocommit.
// The answers of the two ways are the same; what cannot be the same inside says so and is run
// alone.
#pragma once

#include <optional>

#include "sql/connection.h"
#include "sql/counters.h"
#include "sql/result.h"
#include "sql/statement.h"
#include "wire/command.h"

namespace lockstep::sql {

// What became of a command in the shared transaction.
enum class End {
  done,         // its effect, or none, is in the transaction; the result is final
  needs_alone,  // it has no effect yet: commit what was before, then run it alone
  destroyed,    // it rolled the whole transaction back
};

struct Run {
  End end = End::done;
  CommandResult result{};
};

class Executor {
 public:
  explicit Executor(Connection& connection) : connection_(connection) {}

  // Precondition: the connection is in the shared transaction. Failure is final.
  Result<Run> run_batched(const wire::Command& command);
  // Precondition: the connection is in no transaction; so it is afterwards. Failure is final.
  Result<CommandResult> run_alone(const wire::Command& command);
  // What was learnt and set since the last transaction is void: it was rolled back. Precondition:
  // the connection is in no transaction.
  Status forget();

 private:
  struct Outcome {
    End end = End::done;
    StatementResult result{};
  };
  struct Stepped {
    int code = 0;
    std::optional<Rows> rows;
    std::string error;  // when `code` is an error
  };

  void enter(const wire::Command& command);
  // A statement cannot run in a batch that the authorizer has said so of, nor one that SQLite found
  // no memory for: nobody knows in which state that left the modules it went through, and what runs
  // alone ends with all of them forgotten.
  [[nodiscard]] bool needs_alone(int code) const;
  // A batch cannot tell for certain whether the request is too long.
  [[nodiscard]] bool outgrew_batch() const;
  // What a statement leaves in the schema in memory, as estimates of an index that is gone, must
  // not outlive it: the planner would decide by what happened since this start.
  Status reload_schema();
  // What a module has read of its table it does not read again: that costs steps on a replica that
  // has just started, and none on another. Where steps are counted exactly, all begin like the
  // first. Loading the schema is what makes modules begin again, and not counted.
  Status disconnect_modules();
  Result<Run> run_texts(const wire::Command& command);
  Result<Outcome> run_text(const wire::Command& command, const wire::Statement& text);
  Result<Outcome> run_statement(const wire::Command& command, Statement statement);
  Stepped step(Statement& statement, bool wants_rows);
  // The check SQLite makes when a statement commits by itself, which a savepoint would skip.
  Result<std::optional<Outcome>> settle_foreign_keys();
  Result<CommandResult> end_alone(const wire::Command& command, Run run);
  [[nodiscard]] bool batched() const;
  [[nodiscard]] bool owes_foreign_keys() const;
  [[nodiscard]] std::string timeout_text(bool read) const;

  Connection& connection_;
  // Holds nothing from before a change of schema: such a statement would fail when stepped, where
  // on a replica that had not kept it preparing fails, and the two answer differently.
  StatementCache cache_;
  std::uint64_t seed_ = 0;           // of the command under way
  std::uint64_t statements_ = 0;     // of it so far
  bool schema_touched_ = false;      // by it so far
  std::optional<bool> has_modules_;  // some table is a module's; nullopt: not known
};

// The request-level error of a command that no statement of which is run; nullopt: it may run.
std::optional<std::string> refused_whole(const wire::Command& command);
// A result that would hold more bytes than this is an error instead.
inline constexpr std::size_t kResultBytesMax = 256u << 20;

}  // namespace lockstep::sql
