#include "sql/functions.h"

#include <sqlite3.h>

#include <algorithm>

namespace lockstep::sql {
namespace {

Rng& rng_of(sqlite3_context* context) {
  return *static_cast<Rng*>(sqlite3_user_data(context));
}

void random(sqlite3_context* context, int, sqlite3_value**) {
  sqlite3_result_int64(context, static_cast<sqlite3_int64>(rng_of(context).next()));
}

void randomblob(sqlite3_context* context, int, sqlite3_value** arguments) {
  const sqlite3_int64 size = std::max<sqlite3_int64>(1, sqlite3_value_int64(arguments[0]));
  const int limit = sqlite3_limit(sqlite3_context_db_handle(context), SQLITE_LIMIT_LENGTH, -1);
  if (size > limit) return sqlite3_result_error_toobig(context);
  auto* const bytes =
      static_cast<unsigned char*>(sqlite3_malloc64(static_cast<sqlite3_uint64>(size)));
  if (bytes == nullptr) return sqlite3_result_error_nomem(context);
  std::uint64_t word = 0;
  for (sqlite3_int64 i = 0; i < size; ++i, word >>= 8) {
    if (i % 8 == 0) word = rng_of(context).next();
    bytes[i] = static_cast<unsigned char>(word & 0xff);
  }
  sqlite3_result_blob64(context, bytes, static_cast<sqlite3_uint64>(size), &sqlite3_free);
}

void total_changes(sqlite3_context* context, int, sqlite3_value**) {
  sqlite3_result_int64(context, 0);
}

}  // namespace

int install_functions(sqlite3* db, Rng& rng) {
  // Innocuous as the built-in ones are; never deterministic, or calls would be folded into one.
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_INNOCUOUS;
  const auto install = [&](const char* name, int arguments, auto function) {
    return sqlite3_create_function_v2(db, name, arguments, kFlags, &rng, function, nullptr, nullptr,
                                      nullptr);
  };
  if (const int code = install("random", 0, &random); code != SQLITE_OK) return code;
  if (const int code = install("randomblob", 1, &randomblob); code != SQLITE_OK) return code;
  return install("total_changes", 0, &total_changes);
}

}  // namespace lockstep::sql
