#include "sql/content_hash.h"

#include <sqlite3.h>

#include <string>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "sql/counters.h"
#include "sql/result.h"
#include "sql/statement.h"

namespace lockstep::sql {
namespace {

struct Table {
  std::string name;
  bool has_row_id = false;
};

// Runs a query of ours and hands every row to `use`.
template <class Use>
Status each_row(Connection& connection, const std::string& sql, Use use) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(connection.handle(), sql.c_str(), -1, &statement, nullptr);
  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) use(statement);
  }
  auto error = connection.failure();
  sqlite3_finalize(statement);
  if (code != SQLITE_DONE) return std::unexpected(std::move(error));
  return {};
}

std::string text_at(sqlite3_stmt* statement, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  return text == nullptr ? "" : text;
}

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

std::uint64_t hash_row(sqlite3_stmt* statement) {
  CommandResult row;
  Rows rows;
  CHECK(append_row(statement, rows).has_value());
  row.statements.push_back({.outcome = std::move(rows), .time = {}});
  RunningHash hash;
  add_to(hash, row);
  return hash.value();
}

}  // namespace

Result<std::uint64_t> hash_content(Connection& connection) {
  const TrustScope trust(connection.authorizer(), Trust::host);
  std::vector<Table> tables{{.name = "sqlite_schema", .has_row_id = false}};
  // Virtual tables are views of their shadow tables, which are ordinary ones.
  TRY(each_row(connection,
               "SELECT name, wr FROM pragma_table_list WHERE schema='main' AND type IN "
               "('table','shadow') AND name<>'sqlite_schema' ORDER BY name",
               [&](sqlite3_stmt* row) {
                 tables.push_back(
                     {.name = text_at(row, 0), .has_row_id = sqlite3_column_int(row, 1) == 0});
               }));
  RunningHash hash;
  for (const Table& table : tables) {
    const bool is_schema = table.name == "sqlite_schema";
    const std::string columns = is_schema          ? "type,name,tbl_name,sql"
                                : table.has_row_id ? "rowid,*"
                                                   : "*";
    std::uint64_t sum = 0;
    std::uint64_t count = 0;
    TRY(each_row(connection, "SELECT " + columns + " FROM main." + quoted(table.name),
                 [&](sqlite3_stmt* row) {
                   sum += hash_row(row);
                   ++count;
                 }));
    hash.add(std::string_view(table.name));
    hash.add(count);
    hash.add(sum);
  }
  for (const char* pragma : {"PRAGMA user_version", "PRAGMA application_id"}) {
    TRY_ASSIGN(const std::string value, connection.value_of(pragma));
    hash.add(std::string_view(value));
  }
  const CounterState counters = counters_of(connection.handle());
  hash.add(static_cast<std::uint64_t>(counters.last_insert_id));
  hash.add(static_cast<std::uint64_t>(counters.rows_affected));
  return hash.value();
}

}  // namespace lockstep::sql
