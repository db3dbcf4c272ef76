#include "sql/numbers.h"

#include <sqlite3.h>

#include <string>
#include <string_view>

#include "base/check.h"
#include "base/hash.h"

namespace lockstep::sql {
namespace {

// x goes from -32768 to 32767 and back in no order, with 16 bits behind the point; n counts.
constexpr const char* kArguments =
    "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ?1),"
    " a(n, x) AS (SELECT n, (n * 2654435761 % 4294967296) / 65536.0 - 32768 FROM i) SELECT ";

constexpr const char* kAsked[] = {
    "acos(x / 32768), asin(x / 32768), atan(x), atan2(x, n), acosh(abs(x) + 1), asinh(x),"
    " atanh(x / 32769)",
    "cos(x), sin(x), tan(x), cosh(x / 50), sinh(x / 50), tanh(x / 10000)",
    "exp(x / 50), ln(abs(x) + 0.001), log10(abs(x) + 0.001), log2(abs(x) + 0.001),"
    " log(3, abs(x) + 0.001)",
    "pow(abs(x), 1.7), pow(1 + x / 1e6, n), power(x, 3), sqrt(abs(x)), mod(x, 3.7), degrees(x),"
    " radians(x), ceil(x), floor(x), trunc(x)",
    // Sums and products that a processor might round once where two are written.
    "x * x + x / 3, x * 1.1 - x, x / 7 * 7 - x, n * x + 0.1",
    "printf('%.15g', x / 3), printf('%!.20g', x * 1e-30), printf('%.3e', x * 1e250),"
    " printf('%.9f', x / 7), round(x / 3, 3), round(x * 1e9, 2), round(x)",
    "CAST(x / 3 AS TEXT), CAST(x * 1e300 AS TEXT), CAST(x * 1e-310 AS TEXT),"
    " CAST(x * 1e15 AS INTEGER), quote(x / 9), json_array(x / 11)",
    "CAST(CAST(x / 3 AS TEXT) AS REAL), CAST(n || '.' || n * 7919 AS REAL),"
    " CAST(n * 7919 || 'e' || (n % 640 - 330) AS REAL), CAST('0.' || n * 104729 AS REAL) * 3,"
    " json_extract('[' || x / 13 || ']', '$[0]'), n * 2654435761 * 2147483647 + 0.5 < x * 1e14",
    "julianday(2440000.5 + x / 3), strftime('%f', 2440000.5 + x / 3), unixepoch(x * 7, 'subsec'),"
    " datetime(x * 1e5, 'unixepoch', '+' || n || '.3 seconds')",
    "sum(x / 3) OVER (ORDER BY n), avg(x) OVER (ORDER BY n ROWS 9 PRECEDING),"
    " total(x * 1e20) OVER (ORDER BY n ROWS 3 PRECEDING)"};
constexpr const char* kAskedOfAll =
    "sum(x / 3), avg(x / 3), total(x), sum(x * x), avg(n), sum(exp(x / 100)), avg(pow(abs(x), "
    "0.3)),"
    " group_concat(printf('%.10g', x / 3)), max(x / 3), json_group_array(x / 7)";

std::uint64_t hash_of_row(sqlite3_stmt* statement, std::uint64_t hash) {
  for (int i = 0; i < sqlite3_data_count(statement); ++i) {
    const int type = sqlite3_column_type(statement, i);
    hash = hash64(std::string_view(reinterpret_cast<const char*>(&type), sizeof type), hash);
    if (type == SQLITE_FLOAT) {
      const double value = sqlite3_column_double(statement, i);
      hash = hash64(std::string_view(reinterpret_cast<const char*>(&value), sizeof value), hash);
      continue;
    }
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, i));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, i));
    if (size > 0) hash = hash64(std::string_view(bytes, size), hash);
  }
  return hash;
}

std::uint64_t hash_of_answer(sqlite3* db, const std::string& sql, int count, std::uint64_t hash) {
  sqlite3_stmt* statement = nullptr;
  CHECK(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
  CHECK(sqlite3_bind_int(statement, 1, count) == SQLITE_OK);
  int code = 0;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) hash = hash_of_row(statement, hash);
  CHECK(code == SQLITE_DONE);
  sqlite3_finalize(statement);
  return hash;
}

}  // namespace

std::uint64_t hash_of_numbers(sqlite3* db, int count) {
  std::uint64_t hash = 0;
  for (const char* asked : kAsked)
    hash = hash_of_answer(db, std::string(kArguments) + asked + " FROM a", count, hash);
  return hash_of_answer(db, std::string(kArguments) + kAskedOfAll + " FROM a", count, hash);
}

}  // namespace lockstep::sql
