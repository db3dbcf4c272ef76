#include "sql/sql_text.h"

#include <algorithm>

namespace lockstep::sql {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

// Drops what SQLite's tokenizer skips before a statement.
std::string_view skip_blank(std::string_view sql) {
  for (;;) {
    while (!sql.empty() && (is_space(sql[0]) || sql[0] == ';')) sql.remove_prefix(1);
    if (sql.starts_with("\xEF\xBB\xBF")) {
      sql.remove_prefix(3);
    } else if (sql.starts_with("--")) {
      const auto end = sql.find('\n');
      sql.remove_prefix(end == std::string_view::npos ? sql.size() : end + 1);
    } else if (sql.starts_with("/*")) {
      const auto end = sql.find("*/", 2);
      sql.remove_prefix(end == std::string_view::npos ? sql.size() : end + 2);
    } else {
      return sql;
    }
  }
}

std::string_view skip_spaces(std::string_view sql) {
  while (!sql.empty() && is_space(sql[0])) sql.remove_prefix(1);
  return sql;
}

std::string take_word(std::string_view& sql) {
  std::size_t n = 0;
  while (n < sql.size() && is_word(sql[n])) ++n;
  std::string word = to_lower(sql.substr(0, n));
  sql.remove_prefix(n);
  return word;
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

std::string first_word(std::string_view sql) {
  sql = skip_blank(sql);
  return take_word(sql);
}

bool is_blank(std::string_view sql) {
  return skip_blank(sql).empty();
}

bool is_disallowed_pragma(std::string_view sql) {
  sql = skip_blank(sql);
  if (take_word(sql) != "pragma") return false;
  sql = skip_spaces(sql);
  std::string name = take_word(sql);
  sql = skip_spaces(sql);
  if (sql.starts_with('.')) {
    sql = skip_spaces(sql.substr(1));
    name = take_word(sql);
    sql = skip_spaces(sql);
  }
  if (name == "wal_checkpoint") return true;
  const bool sets = sql.starts_with('=');
  return sets && (name == "journal_mode" || name == "wal_autocheckpoint" || name == "synchronous" ||
                  name == "query_only");
}

}  // namespace lockstep::sql
