#include "sql/statement.h"

#include <sqlite3.h>

#include <utility>

#include "base/check.h"
#include "sql/sql_text.h"

namespace lockstep::sql {
namespace {

constexpr std::size_t kCachedStatementsMax = 256;
constexpr std::size_t kCachedTextMax = 4096;

}  // namespace

StatementCache::~StatementCache() {
  clear();
}

void StatementCache::clear() {
  for (auto& [sql, slot] : slots_) sqlite3_finalize(slot.statement);
  slots_.clear();
  order_.clear();
}

sqlite3_stmt* StatementCache::take(std::string_view sql) {
  const auto found = slots_.find(sql);
  if (found == slots_.end()) return nullptr;
  sqlite3_stmt* const statement = found->second.statement;
  order_.erase(found->second.at);
  slots_.erase(found);
  return statement;
}

void StatementCache::put(std::string_view sql, sqlite3_stmt* statement) {
  if (slots_.contains(sql)) {  // the same text twice in use at once
    sqlite3_finalize(statement);
    return;
  }
  if (slots_.size() == kCachedStatementsMax) {
    const auto oldest = slots_.find(order_.back());
    sqlite3_finalize(oldest->second.statement);
    slots_.erase(oldest);
    order_.pop_back();
  }
  order_.emplace_front(sql);
  slots_.emplace(std::string(sql), Slot{statement, order_.begin()});
}

Statement::Statement(Statement&& other) noexcept {
  *this = std::move(other);
}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this == &other) return *this;
  release();
  statement_ = std::exchange(other.statement_, nullptr);
  word_ = std::move(other.word_);
  cached_as_ = other.cached_as_;
  cache_ = other.cache_;
  authorizer_ = other.authorizer_;
  return *this;
}

Statement::~Statement() {
  release();
}

void Statement::release() {
  if (statement_ == nullptr) return;
  sqlite3_stmt* const statement = std::exchange(statement_, nullptr);
  const RunningScope running(*authorizer_, statement);
  if (cache_ == nullptr || cached_as_.empty()) {
    sqlite3_finalize(statement);
    return;
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  cache_->put(cached_as_, statement);
}

bool Statement::is_read_only() const {
  return sqlite3_stmt_readonly(statement_) != 0;
}
bool Statement::is_explain() const {
  return sqlite3_stmt_isexplain(statement_) != 0;
}

int Statement::step() {
  const RunningScope running(*authorizer_, statement_);
  return sqlite3_step(statement_);
}

bool Preparer::at_end() const {
  return is_blank(rest_);
}

std::string Preparer::next_word() const {
  return first_word(rest_);
}

int Preparer::next(Statement& out) {
  out.release();
  out.word_ = first_word(rest_);
  out.cache_ = cache_;
  out.cached_as_ = {};
  out.authorizer_ = &connection_.authorizer();
  connection_.authorizer().begin_statement(out.word_);
  if (cache_ != nullptr) {
    if (sqlite3_stmt* const cached = cache_->take(rest_)) {
      out.statement_ = cached;
      out.cached_as_ = std::exchange(rest_, {});
      return SQLITE_OK;
    }
  }
  const char* tail = nullptr;
  if (rest_.size() >
      static_cast<std::size_t>(sqlite3_limit(connection_.handle(), SQLITE_LIMIT_SQL_LENGTH, -1)))
    return SQLITE_TOOBIG;
  const int code =
      sqlite3_prepare_v3(connection_.handle(), rest_.data(), static_cast<int>(rest_.size()),
                         SQLITE_PREPARE_PERSISTENT, &out.statement_, &tail);
  if (code != SQLITE_OK) return code;
  CHECK(tail > rest_.data());
  const std::string_view whole = rest_;
  rest_.remove_prefix(static_cast<std::size_t>(tail - rest_.data()));
  // PRAGMAs act when prepared; a text of several statements is rare enough.
  const bool worth_keeping = at_end() && whole.size() <= kCachedTextMax && out.word_ != "pragma";
  if (worth_keeping) out.cached_as_ = whole;
  return SQLITE_OK;
}

std::string error_text(Connection& connection, int code) {
  const std::string& refusal = connection.authorizer().refusal();
  if (!refusal.empty()) return refusal;
  if (code == SQLITE_TOOBIG) return sqlite3_errstr(code);
  return sqlite3_errmsg(connection.handle());
}

Rows columns_of(sqlite3_stmt* statement) {
  const auto text = [](const char* value) { return std::string(value == nullptr ? "" : value); };
  Rows rows;
  const int count = sqlite3_column_count(statement);
  for (int i = 0; i < count; ++i) {
    rows.columns.push_back(text(sqlite3_column_name(statement, i)));
    rows.decltypes.push_back(to_lower(text(sqlite3_column_decltype(statement, i))));
    rows.tables.push_back(text(sqlite3_column_table_name(statement, i)));
  }
  return rows;
}

std::optional<std::size_t> append_row(sqlite3_stmt* statement, Rows& rows) {
  std::size_t size = 0;
  const int count = sqlite3_column_count(statement);
  for (int i = 0; i < count; ++i) {
    size += sizeof(Cell);
    switch (sqlite3_column_type(statement, i)) {
      case SQLITE_INTEGER:
        rows.cells.emplace_back(std::int64_t{sqlite3_column_int64(statement, i)});
        break;
      case SQLITE_FLOAT:
        rows.cells.emplace_back(sqlite3_column_double(statement, i));
        break;
      case SQLITE_NULL:
        rows.cells.emplace_back(wire::Null{});
        break;
      default: {
        const bool is_text = sqlite3_column_type(statement, i) == SQLITE_TEXT;
        const void* const bytes = is_text
                                      ? static_cast<const void*>(sqlite3_column_text(statement, i))
                                      : sqlite3_column_blob(statement, i);
        const auto length = static_cast<std::size_t>(sqlite3_column_bytes(statement, i));
        // A blob of zeros gets its bytes only now.
        if (bytes == nullptr && length > 0) return std::nullopt;
        size += length;
        std::string value(static_cast<const char*>(bytes), length);
        if (is_text)
          rows.cells.emplace_back(std::move(value));
        else
          rows.cells.emplace_back(Bytes{std::move(value)});
      }
    }
  }
  return size;
}

}  // namespace lockstep::sql
