#include "sql/counters.h"

#include <sqlite3.h>

namespace lockstep::sql {
namespace {

// Names with this prefix cannot be those of a user's table.
constexpr char kModuleName[] = "sqlite_lockstep_counter";

int connect(sqlite3* db, void*, int, const char* const*, sqlite3_vtab** out, char**) {
  *out = new sqlite3_vtab{};
  return sqlite3_declare_vtab(db, "CREATE TABLE x(row)");
}
int best_index(sqlite3_vtab*, sqlite3_index_info*) {
  return SQLITE_OK;
}
int disconnect(sqlite3_vtab* table) {
  delete table;
  return SQLITE_OK;
}
int open(sqlite3_vtab*, sqlite3_vtab_cursor** out) {
  *out = new sqlite3_vtab_cursor{};
  return SQLITE_OK;
}
int close(sqlite3_vtab_cursor* cursor) {
  delete cursor;
  return SQLITE_OK;
}
int filter(sqlite3_vtab_cursor*, int, const char*, int, sqlite3_value**) {
  return SQLITE_OK;
}
int next(sqlite3_vtab_cursor*) {
  return SQLITE_OK;
}
int eof(sqlite3_vtab_cursor*) {
  return 1;
}
int column(sqlite3_vtab_cursor*, sqlite3_context*, int) {
  return SQLITE_OK;
}
int rowid(sqlite3_vtab_cursor*, sqlite3_int64* out) {
  *out = 0;
  return SQLITE_OK;
}
int update(sqlite3_vtab*, int, sqlite3_value**, sqlite3_int64* out) {
  *out = 0;
  return SQLITE_OK;
}

// Without xCreate it exists in every schema without being created in any.
constexpr sqlite3_module kModule{.iVersion = 0,
                                 .xCreate = nullptr,
                                 .xConnect = &connect,
                                 .xBestIndex = &best_index,
                                 .xDisconnect = &disconnect,
                                 .xDestroy = &disconnect,
                                 .xOpen = &open,
                                 .xClose = &close,
                                 .xFilter = &filter,
                                 .xNext = &next,
                                 .xEof = &eof,
                                 .xColumn = &column,
                                 .xRowid = &rowid,
                                 .xUpdate = &update,
                                 .xBegin = nullptr,
                                 .xSync = nullptr,
                                 .xCommit = nullptr,
                                 .xRollback = nullptr,
                                 .xFindFunction = nullptr,
                                 .xRename = nullptr,
                                 .xSavepoint = nullptr,
                                 .xRelease = nullptr,
                                 .xRollbackTo = nullptr,
                                 .xShadowName = nullptr,
                                 .xIntegrity = nullptr};

}  // namespace

CounterState counters_of(sqlite3* db) {
  return {.last_insert_id = sqlite3_last_insert_rowid(db), .rows_affected = sqlite3_changes64(db)};
}

int install_counters(sqlite3* db) {
  return sqlite3_create_module_v2(db, kModuleName, &kModule, nullptr, nullptr);
}

Status set_counters(sqlite3* db, const CounterState& wanted) {
  if (sqlite3_changes64(db) != wanted.rows_affected) {
    constexpr char kSql[] =
        "INSERT INTO sqlite_lockstep_counter(row) "
        "WITH RECURSIVE n(i) AS (SELECT 1 WHERE ?1>0 UNION ALL SELECT i+1 FROM n WHERE i<?1) "
        "SELECT i FROM n";
    sqlite3_stmt* statement = nullptr;
    int code = sqlite3_prepare_v2(db, kSql, -1, &statement, nullptr);
    if (code == SQLITE_OK) {
      sqlite3_bind_int64(statement, 1, wanted.rows_affected);
      code = sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    if (code != SQLITE_DONE)
      return fail(Errc::io, std::string("setting counters: ") + sqlite3_errmsg(db));
  }
  sqlite3_set_last_insert_rowid(db, wanted.last_insert_id);
  return {};
}

}  // namespace lockstep::sql
