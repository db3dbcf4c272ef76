#include "sql/fingerprint.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sqlite3_origin.h>

#include "base/check.h"
#include "base/hash.h"
#include "sql/connection.h"
#include "sql/numbers.h"

namespace lockstep::sql {
namespace {

std::uint64_t hash_of_options() {
  std::uint64_t hash = 0;
  for (const std::string& option : sqlite_build().options) {
    // Of the compiler, and what another one can do.
    if (option.starts_with("COMPILER=") || option.starts_with("ATOMIC_INTRINSICS=")) continue;
    hash = hash64(option, hash);
  }
  return hash;
}

Fingerprint taken() {
  initialise_sqlite();
  sqlite3* db = nullptr;
  CHECK(sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, nullptr) ==
        SQLITE_OK);
  const Lockstep_origin& origin = lockstep_sqlite3_origin;
  const Fingerprint found{.sql_version = kSqlVersion,
                          .source = hash64(std::string(origin.sqlite_hash) + origin.math_hash),
                          .options = hash_of_options(),
                          .numbers = hash_of_numbers(db, 200)};
  CHECK(sqlite3_close(db) == SQLITE_OK);
  return found;
}

}  // namespace

SqliteBuild sqlite_build() {
  SqliteBuild build{.version = sqlite3_libversion(),
                    .source_id = sqlite3_sourceid(),
                    .package = lockstep_sqlite3_origin.sqlite_package,
                    .math_package = lockstep_sqlite3_origin.math_package,
                    .options = {}};
  for (int i = 0; const char* option = sqlite3_compileoption_get(i); ++i)
    build.options.emplace_back(option);
  return build;
}

std::string to_string(const Fingerprint& fingerprint) {
  return fmt::format("{}-{:016x}-{:016x}-{:016x}", fingerprint.sql_version, fingerprint.source,
                     fingerprint.options, fingerprint.numbers);
}

Fingerprint fingerprint() {
  static const Fingerprint of_program = taken();
  return of_program;
}

}  // namespace lockstep::sql
