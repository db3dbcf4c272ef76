// What SQL text may do, decided by SQLite's authorizer callback statement by statement: nothing
// that leaves the database file (ATTACH, TEMP), that changes how it is kept, or that leaves state
// in a connection which a restart would lose. Decides by allow-list for PRAGMAs and virtual tables.
//
// Modules of SQLite (full text, R-trees) run statements of their own while one of the user's is
// under way. These are judged, too, for their text may name tables that the user chose; but what a
// module needs for itself is allowed: PRAGMA data_version, BEGIN and SAVEPOINT.
#pragma once

#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace lockstep::sql {

// rqlite's answer to a read that would write.
inline constexpr std::string_view kChangeInRead = "attempt to change database via query operation";

// On whose behalf statements are prepared.
enum class Trust {
  host,                  // our own statements: everything is allowed
  reader,                // a read: no transactions, nothing that leaves state behind
  batched,               // an entry inside the shared transaction: transaction control must wait
  alone,                 // an entry by itself, in autocommit
  alone_in_transaction,  // an entry by itself, inside the transaction it asked for
};

class Authorizer {
 public:
  // Becomes the connection's authorizer; outlives the connection's use.
  explicit Authorizer(sqlite3* db);
  Authorizer(const Authorizer&) = delete;
  Authorizer& operator=(const Authorizer&) = delete;

  void set_trust(Trust trust) { trust_ = trust; }
  [[nodiscard]] Trust trust() const { return trust_; }
  // Before each prepare: the statement's first word in lower case.
  void begin_statement(std::string first_word);
  // The statement can run only outside the shared transaction (Trust::batched).
  [[nodiscard]] bool needs_alone() const { return needs_alone_; }
  // Why the statement was refused, for a person; "" if it was not.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  // The statement that is stepped or ended, whoever asks for that; nullptr: none.
  void set_running(sqlite3_stmt* statement) { running_ = statement; }
  [[nodiscard]] sqlite3_stmt* running() const { return running_; }
  // VACUUM attaches a database of its own; nothing else may.
  void set_vacuuming(bool vacuuming) { vacuuming_ = vacuuming; }

 private:
  struct Action {
    int code;
    std::string_view first;
    std::string_view second;
    bool has_second;
    std::string_view database;
    std::string_view trigger;
  };
  static int callback(void* self, int code, const char* first, const char* second,
                      const char* database, const char* trigger);
  int decide(const Action& action);
  int decide_pragma(const Action& action);
  int decide_transaction(const Action& action);
  int decide_modules_transaction(const Action& action);
  int decide_function(const Action& action);
  int decide_table(const Action& action);
  // What is being prepared is a module's own statement, prepared as the user's is under way.
  [[nodiscard]] bool is_modules() const;
  [[nodiscard]] bool asks_module() const;
  int refuse(std::string why);
  int refuse_change(std::string why);
  int wait_for_alone();

  Trust trust_ = Trust::host;
  sqlite3_stmt* running_ = nullptr;
  bool vacuuming_ = false;
  bool needs_alone_ = false;
  std::string first_word_;
  std::string pragma_;  // the first one asked about since begin_statement()
  std::string refusal_;
};

// The scope in which a statement is stepped or ended.
class RunningScope {
 public:
  RunningScope(Authorizer& authorizer, sqlite3_stmt* statement)
      : authorizer_(authorizer), before_(authorizer.running()) {
    authorizer_.set_running(statement);
  }
  ~RunningScope() { authorizer_.set_running(before_); }
  RunningScope(const RunningScope&) = delete;
  RunningScope& operator=(const RunningScope&) = delete;

 private:
  Authorizer& authorizer_;
  sqlite3_stmt* const before_;
};

// Puts another trust in force for a scope.
class TrustScope {
 public:
  TrustScope(Authorizer& authorizer, Trust trust)
      : authorizer_(authorizer), before_(authorizer.trust()) {
    authorizer_.set_trust(trust);
  }
  ~TrustScope() { authorizer_.set_trust(before_); }
  TrustScope(const TrustScope&) = delete;
  TrustScope& operator=(const TrustScope&) = delete;

 private:
  Authorizer& authorizer_;
  const Trust before_;
};

}  // namespace lockstep::sql
