// sqlite3_last_insert_rowid() and sqlite3_changes() are part of what rqlite answers, long after the
// statement that set them, and SQL functions read them too. So they are replicated state, and a
// connection must be put into a given state of them: after a restart, and before a repeated entry.
#pragma once

#include <cstdint>

#include "base/result.h"

struct sqlite3;

namespace lockstep::sql {

struct CounterState {
  std::int64_t last_insert_id = 0;
  std::int64_t rows_affected = 0;
  friend bool operator==(const CounterState&, const CounterState&) = default;
};

CounterState counters_of(sqlite3* db);
// Registers the module behind set_counters(). Returns SQLite's result code.
int install_counters(sqlite3* db);
// SQLite has no call to set its change count, so this "inserts" rows_affected rows into a virtual
// table that ignores them (about 0.1 us a row). Does nothing if the state is that already. Callable
// only with Trust::host.
Status set_counters(sqlite3* db, const CounterState& wanted);

}  // namespace lockstep::sql
