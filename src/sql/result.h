// What SQL answers: values of one statement, in the form rqlite's API shows them (api/json renders
// it). Everything in here that an applied entry produced is the same on every replica.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/hash.h"
#include "base/time.h"
#include "wire/command.h"

namespace lockstep::sql {

struct Bytes {
  std::string value;  // a BLOB
  friend bool operator==(const Bytes&, const Bytes&) = default;
};
using Cell = std::variant<wire::Null, std::int64_t, double, std::string, Bytes>;

// A statement that reports counters: {"last_insert_id":..,"rows_affected":..}
struct Counters {
  std::int64_t last_insert_id = 0;
  std::int64_t rows_affected = 0;
};

// A statement that reports rows. `decltypes` are the columns' declared types, lower case; "" for
// none. `cells` is row-major, columns.size() a row. qualify_columns: `tables[i]` is the column's
// table or "".
struct Rows {
  std::vector<std::string> columns;
  std::vector<std::string> decltypes;
  std::vector<std::string> tables;
  std::vector<Cell> cells;
};

struct SqlError {
  std::string text;
  bool rows_wanted =
      false;  // it failed where rows were expected: associative form is {"rows":[],"error":..}
};

// monostate: a statement without effect or columns (a comment): {}
struct StatementResult {
  std::variant<std::monostate, Counters, Rows, SqlError> outcome;
  Duration time{};  // how long it took here; only for `timings`, not part of the replicated result
};

struct CommandResult {
  std::vector<StatementResult> statements;
  std::string error;  // request-level error (top-level "error"); statements are then empty
};

// Adds all but `time` to a trace hash.
void add_to(RunningHash& hash, const CommandResult& result);

}  // namespace lockstep::sql
