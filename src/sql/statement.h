// Prepared statements: one at a time from a text of several, parameters bound by rqlite's rules,
// rows read into values; and a bounded cache of statements by their text.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sql/connection.h"
#include "sql/result.h"
#include "wire/command.h"

struct sqlite3_stmt;

namespace lockstep::sql {

// Least recently used statements leave first. A statement in use is not in the cache.
class StatementCache {
 public:
  ~StatementCache();
  // Takes it out; nullptr if absent.
  sqlite3_stmt* take(std::string_view sql);
  // Gives it back, reset and unbound.
  void put(std::string_view sql, sqlite3_stmt* statement);
  void clear();

 private:
  using Order = std::list<std::string>;
  struct Slot {
    sqlite3_stmt* statement;
    Order::iterator at;
  };
  std::map<std::string, Slot, std::less<>> slots_;
  Order order_;  // newest first
};

// One prepared statement. Destroyed: reset and given back to the cache it may live in, or gone.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  [[nodiscard]] sqlite3_stmt* get() const { return statement_; }
  // The first word of its text, lower case.
  [[nodiscard]] const std::string& word() const { return word_; }
  [[nodiscard]] bool is_read_only() const;
  [[nodiscard]] bool is_explain() const;
  // One step: SQLite's code.
  int step();
  // Ends it now; returns nothing, as errors were seen at the step.
  void release();

 private:
  friend class Preparer;
  sqlite3_stmt* statement_ = nullptr;
  std::string word_;
  std::string_view cached_as_;  // empty: not to be cached
  StatementCache* cache_ = nullptr;
  Authorizer* authorizer_ = nullptr;
};

// Walks through the statements of one text. It ends at its first NUL, as it does for rqlite's
// driver: SQLite reads no further in any case, and what it does not read must not count as left.
class Preparer {
 public:
  // `cache` may be null. `sql` outlives the Preparer and its Statements.
  Preparer(Connection& connection, StatementCache* cache, std::string_view sql)
      : connection_(connection), cache_(cache), rest_(sql.substr(0, sql.find('\0'))) {}
  // Nothing but white space and comments is left.
  [[nodiscard]] bool at_end() const;
  // The next statement's first word, lower case.
  [[nodiscard]] std::string next_word() const;
  // Prepares the next statement. Not SQLITE_OK: its code; then error_text() says why.
  // Precondition: !at_end().
  int next(Statement& out);

 private:
  Connection& connection_;
  StatementCache* cache_;
  std::string_view rest_;
};

// What the connection says of its last error, in the authorizer's words where it refused.
std::string error_text(Connection& connection, int code);

// A name that rqlite's driver refuses, whatever the statement: the error text.
std::optional<std::string> check_names(std::span<const wire::Parameter> parameters);
// Binds parameters [start, ...) to the statement's positions and every named one to its name; bytes
// are not copied. Returns an error text, or sets `used` to how many positions it consumed.
// `counted` is the M of "got M" when there are too few.
std::optional<std::string> bind_parameters(Connection& connection, sqlite3_stmt* statement,
                                           std::span<const wire::Parameter> parameters,
                                           std::size_t start, std::size_t counted,
                                           std::size_t& used);

// The columns of a statement that was stepped once (before, they may be out of date).
Rows columns_of(sqlite3_stmt* statement);
// Appends the current row's cells; returns about how many bytes they take. nullopt: there is no
// memory for one of them, and what was appended is no row.
std::optional<std::size_t> append_row(sqlite3_stmt* statement, Rows& rows);

}  // namespace lockstep::sql
