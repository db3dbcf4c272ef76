// Parameters, bound as rqlite's driver binds them: positions are consumed from statement to
// statement of one text, a name reaches :name, @name and $name alike, what is left over is ignored.
#include <sqlite3.h>

#include <array>

#include "sql/statement.h"

namespace lockstep::sql {
namespace {

struct Binder {
  sqlite3_stmt* statement;
  int position;

  int operator()(wire::Null) const { return sqlite3_bind_null(statement, position); }
  int operator()(std::int64_t v) const { return sqlite3_bind_int64(statement, position, v); }
  int operator()(double v) const { return sqlite3_bind_double(statement, position, v); }
  int operator()(std::string_view v) const {
    return sqlite3_bind_text64(statement, position, v.empty() ? "" : v.data(), v.size(),
                               SQLITE_STATIC, SQLITE_UTF8);
  }
  int operator()(wire::BlobBytes v) const {
    if (v.bytes.empty()) return sqlite3_bind_zeroblob(statement, position, 0);
    return sqlite3_bind_blob64(statement, position, v.bytes.data(), v.bytes.size(), SQLITE_STATIC);
  }
};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + '"';
}

int bind_at(sqlite3_stmt* statement, int position, const wire::Value& value) {
  return std::visit(Binder{statement, position}, value);
}

int bind_name(sqlite3_stmt* statement, const wire::Parameter& parameter) {
  for (const char prefix : std::array{':', '@', '$'}) {
    const std::string name = prefix + std::string(parameter.name);
    const int position = sqlite3_bind_parameter_index(statement, name.c_str());
    if (position == 0) continue;
    if (const int code = bind_at(statement, position, parameter.value); code != SQLITE_OK)
      return code;
  }
  return SQLITE_OK;
}

}  // namespace

std::optional<std::string> check_names(std::span<const wire::Parameter> parameters) {
  for (const auto& parameter : parameters) {
    if (!parameter.name.empty() && !is_letter(parameter.name[0]))
      return "name " + quoted(parameter.name) + " does not begin with a letter";
  }
  return std::nullopt;
}

std::optional<std::string> bind_parameters(Connection& connection, sqlite3_stmt* statement,
                                           std::span<const wire::Parameter> parameters,
                                           std::size_t start, std::size_t counted,
                                           std::size_t& used) {
  const auto wanted = static_cast<std::size_t>(sqlite3_bind_parameter_count(statement));
  used = wanted;
  if (parameters.size() < start + wanted)
    return "not enough args to execute query: want " + std::to_string(wanted) + " got " +
           std::to_string(counted);
  int code = SQLITE_OK;
  for (std::size_t i = 0; i < parameters.size() && code == SQLITE_OK; ++i) {
    const bool in_turn = i >= start && i < start + wanted;
    if (!parameters[i].name.empty())
      code = bind_name(statement, parameters[i]);
    else if (in_turn)
      code = bind_at(statement, static_cast<int>(i - start) + 1, parameters[i].value);
  }
  if (code != SQLITE_OK) return error_text(connection, code);
  return std::nullopt;
}

}  // namespace lockstep::sql
