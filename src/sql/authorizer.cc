#include "sql/authorizer.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sql/sql_text.h"

namespace lockstep::sql {
namespace {

using namespace std::string_view_literals;

// Read the schema or the file's content; the argument only names what to look at.
constexpr std::array kInspecting = {
    "foreign_key_check"sv, "foreign_key_list"sv, "index_info"sv, "index_list"sv, "index_xinfo"sv,
    "integrity_check"sv,   "quick_check"sv,      "table_info"sv, "table_list"sv, "table_xinfo"sv};
// May be read; their values are the same on every node.
constexpr std::array kReadable = {
    "application_id"sv,     "auto_vacuum"sv,        "case_sensitive_like"sv,
    "collation_list"sv,     "compile_options"sv,    "database_list"sv,
    "defer_foreign_keys"sv, "encoding"sv,           "foreign_keys"sv,
    "freelist_count"sv,     "function_list"sv,      "journal_mode"sv,
    "journal_size_limit"sv, "legacy_alter_table"sv, "locking_mode"sv,
    "max_page_count"sv,     "module_list"sv,        "page_count"sv,
    "page_size"sv,          "pragma_list"sv,        "query_only"sv,
    "recursive_triggers"sv, "schema_version"sv,     "secure_delete"sv,
    "synchronous"sv,        "temp_store"sv,         "user_version"sv,
    "wal_autocheckpoint"sv};
// Change the file's content alone, inside the transaction.
constexpr std::array kWritable = {"application_id"sv, "incremental_vacuum"sv, "optimize"sv,
                                  "user_version"sv};
// Of the connection: honoured for the rest of an entry that runs alone, then set back.
constexpr std::array kOfOneEntry = {"defer_foreign_keys"sv, "foreign_keys"sv};

// Tables that show this connection, the schema in the order it came into memory, or the compiler.
constexpr std::array kNotInWrites = {"dbstat"sv,
                                     "pragma_compile_options"sv,
                                     "pragma_data_version"sv,
                                     "pragma_foreign_key_check"sv,
                                     "pragma_integrity_check"sv,
                                     "pragma_quick_check"sv,
                                     "pragma_table_list"sv,
                                     "sqlite_stmt"sv};

constexpr std::array kModules = {"fts3"sv,    "fts3tokenize"sv, "fts4"sv,  "fts4aux"sv,  "fts5"sv,
                                 "geopoly"sv, "fts5vocab"sv,    "rtree"sv, "rtree_i32"sv};

bool is_in(const auto& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

std::string_view view(const char* text) {
  return text == nullptr ? ""sv : std::string_view(text);
}

}  // namespace

Authorizer::Authorizer(sqlite3* db) {
  sqlite3_set_authorizer(db, &Authorizer::callback, this);
}

void Authorizer::begin_statement(std::string first_word) {
  first_word_ = std::move(first_word);
  pragma_.clear();
  refusal_.clear();
  needs_alone_ = false;
}

int Authorizer::callback(void* self, int code, const char* first, const char* second,
                         const char* database, const char* trigger) {
  return static_cast<Authorizer*>(self)->decide({.code = code,
                                                 .first = view(first),
                                                 .second = view(second),
                                                 .has_second = second != nullptr,
                                                 .database = view(database),
                                                 .trigger = view(trigger)});
}

int Authorizer::refuse(std::string why) {
  if (refusal_.empty()) refusal_ = std::move(why);
  return SQLITE_DENY;
}

int Authorizer::refuse_change(std::string why) {
  return refuse(trust_ == Trust::reader ? std::string(kChangeInRead) : std::move(why));
}

int Authorizer::wait_for_alone() {
  needs_alone_ = true;
  return SQLITE_DENY;
}

// Under way is a statement from its first instruction to its last. What is prepared before is
// itself: for the first time, or once more because the schema changed.
bool Authorizer::is_modules() const {
  return running_ != nullptr && sqlite3_stmt_busy(running_) != 0;
}

int Authorizer::decide(const Action& action) {
  if (trust_ == Trust::host) return SQLITE_OK;
  if (vacuuming_) {
    // A file name means VACUUM INTO, which would write outside the database.
    if (action.code == SQLITE_ATTACH && !action.first.empty())
      return refuse("VACUUM INTO is not allowed");
    return SQLITE_OK;
  }
  switch (action.code) {
    case SQLITE_ATTACH:
      return refuse_change("ATTACH is not allowed");
    case SQLITE_DETACH:
      return refuse_change("DETACH is not allowed");
    case SQLITE_PRAGMA:
      return decide_pragma(action);
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
      return is_modules() ? decide_modules_transaction(action) : decide_transaction(action);
    case SQLITE_FUNCTION:
      return decide_function(action);
    case SQLITE_CREATE_VTABLE:
      if (!is_in(kModules, to_lower(action.second)))
        return refuse("no such module: " + std::string(action.second));
      return decide_table(action);
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW:
    case SQLITE_DROP_TEMP_INDEX:
    case SQLITE_DROP_TEMP_TABLE:
    case SQLITE_DROP_TEMP_TRIGGER:
    case SQLITE_DROP_TEMP_VIEW:
      return refuse_change("TEMP objects are not allowed");
    default:
      return decide_table(action);
  }
}

int Authorizer::decide_function(const Action& action) {
  // Of one replica's compiler they say what is not so of another's.
  const bool local = to_lower(action.second).starts_with("sqlite_compileoption_");
  return local && trust_ != Trust::reader
             ? refuse("function " + std::string(action.second) + " is not allowed in a write")
             : SQLITE_OK;
}

int Authorizer::decide_table(const Action& action) {
  if (action.code == SQLITE_READ) {
    const bool local = is_in(kNotInWrites, to_lower(action.first));
    return local && trust_ != Trust::reader
               ? refuse("table " + std::string(action.first) + " is not allowed in a write")
               : SQLITE_OK;
  }
  if (action.code == SQLITE_SELECT || action.code == SQLITE_RECURSIVE) return SQLITE_OK;
  // `CREATE TABLE temp.x` arrives as CREATE_TABLE of the database "temp".
  // ALTER looks for what it must rename there as well, and finds nothing.
  if (action.database == "temp" && first_word_ != "alter")
    return refuse_change("TEMP objects are not allowed");
  const bool writes = action.code == SQLITE_INSERT || action.code == SQLITE_UPDATE ||
                      action.code == SQLITE_DELETE || action.code == SQLITE_DROP_TABLE;
  if (!writes || !to_lower(action.first).starts_with("sqlite_stat")) return SQLITE_OK;
  // Statistics are loaded at start and by ANALYZE: edited by hand, replicas would plan differently.
  // ANALYZE, DROP and ALTER edit them in their own name.
  static constexpr std::array kByHand = {"insert"sv, "replace"sv, "update"sv,
                                         "delete"sv, "with"sv,    "explain"sv};
  const bool by_hand =
      is_in(kByHand, first_word_) || !action.trigger.empty() || action.code == SQLITE_DROP_TABLE;
  return by_hand ? refuse("table " + std::string(action.first) + " may not be modified")
                 : SQLITE_OK;
}

// True of a PRAGMA that is certainly not the user's. Modules that connect to their tables ask while
// the user's statement is being prepared; if that is a PRAGMA, it was asked about first.
bool Authorizer::asks_module() const {
  return is_modules() || first_word_ != "pragma" || pragma_ != "data_version";
}

int Authorizer::decide_pragma(const Action& action) {
  const std::string name = to_lower(action.first);
  if (pragma_.empty()) pragma_ = name;
  if (is_in(kInspecting, name)) return SQLITE_OK;
  if (!action.has_second && is_in(kReadable, name)) return SQLITE_OK;
  // Full text tables want to know whether another connection wrote. Replicas differ in that.
  if (name == "data_version" && asks_module()) return SQLITE_OK;
  if (is_modules()) return refuse("disallowed pragma: " + name);
  if (is_in(kWritable, name)) return SQLITE_OK;
  if (is_in(kOfOneEntry, name)) {
    // A no-op for readers: they change nothing, and the setting must not outlive the request.
    if (trust_ == Trust::reader) return SQLITE_IGNORE;
    return trust_ == Trust::batched ? wait_for_alone() : SQLITE_OK;
  }
  return refuse("disallowed pragma: " + name);
}

int Authorizer::decide_transaction(const Action& action) {
  if (trust_ == Trust::reader)
    return refuse("transaction control is not allowed in a read: use the transaction parameter");
  if (trust_ == Trust::batched) return wait_for_alone();
  if (trust_ != Trust::alone_in_transaction || action.code == SQLITE_SAVEPOINT) return SQLITE_OK;
  if (action.first == "BEGIN") return refuse("cannot start a transaction within a transaction");
  return refuse(std::string(action.first) + " is not allowed in a transaction request");
}

int Authorizer::decide_modules_transaction(const Action& action) {
  if (action.code == SQLITE_TRANSACTION) {
    // rtreecheck() wants one view of its tables. A writer has that, and a COMMIT would fail, or
    // not, with what else is under way.
    return trust_ == Trust::reader ? SQLITE_OK : SQLITE_IGNORE;
  }
  // optimize() of full text tables. SQLite opens no savepoint while a statement writes, and would
  // say that the database is busy, which is never a statement's own failure.
  return sqlite3_stmt_readonly(running_) != 0
             ? SQLITE_OK
             : refuse("optimize() is not allowed in a statement that writes");
}

}  // namespace lockstep::sql
