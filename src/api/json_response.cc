// The response envelope and the result of each statement, streamed into one string.
#include "api/json_response.h"

#include <map>

#include "api/go_format.h"
#include "api/json_value.h"

namespace lockstep::api {
namespace {

// Writes one JSON object's members: the comma before all but the first.
class Members {
 public:
  explicit Members(std::string& out) : out_(out) { out_ += '{'; }
  // `name` needs no escaping.
  std::string& member(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return out_;
  }
  void close() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

void append_strings(std::string& out, const std::vector<std::string>& strings) {
  out += '[';
  for (std::size_t i = 0; i < strings.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, strings[i]);
  }
  out += ']';
}

void append_time(Members& members, const RenderOptions& options, Duration time) {
  if (!options.timings || time == Duration::zero()) return;
  append_json_number(members.member("time"), static_cast<double>(time.count()) / 1e9);
}

// A result set with what all its rows share worked out once.
struct Table {
  const sql::Rows& rows;
  std::vector<std::string> names;
  std::vector<std::string> types;
  std::vector<ColumnClass> classes;

  [[nodiscard]] std::size_t width() const { return names.size(); }
  [[nodiscard]] std::size_t row_count() const {
    return width() == 0 ? 0 : rows.cells.size() / width();
  }
};

Table make_table(const sql::Rows& rows, const RenderOptions& options) {
  Table table{.rows = rows, .names = rows.columns, .types = {}, .classes = {}};
  const std::size_t width = rows.columns.size();
  for (std::size_t i = 0; i < width; ++i) {
    const std::string type = i < rows.decltypes.size() ? rows.decltypes[i] : std::string();
    table.classes.push_back(classify_column(type));
    const bool infer = type.empty() && i < rows.cells.size();
    table.types.push_back(infer ? std::string(inferred_type(rows.cells[i])) : type);
    if (options.qualify_columns && i < rows.tables.size() && !rows.tables[i].empty()) {
      table.names[i] = rows.tables[i] + "." + rows.columns[i];
    }
  }
  return table;
}

Status append_row(std::string& out, const Table& table, std::size_t row, bool blob_array) {
  out += '[';
  for (std::size_t i = 0; i < table.width(); ++i) {
    if (i > 0) out += ',';
    TRY(append_cell(out, table.rows.cells[row * table.width() + i], table.classes[i], blob_array));
  }
  out += ']';
  return {};
}

Status append_plain_rows(std::string& out, const sql::Rows& rows, Duration time,
                         const RenderOptions& options) {
  const Table table = make_table(rows, options);
  Members members(out);
  if (table.width() > 0) {
    append_strings(members.member("columns"), table.names);
    append_strings(members.member("types"), table.types);
  }
  if (table.row_count() > 0) {
    members.member("values") += '[';
    for (std::size_t row = 0; row < table.row_count(); ++row) {
      if (row > 0) out += ',';
      TRY(append_row(out, table, row, options.blob_array));
    }
    out += ']';
  }
  append_time(members, options, time);
  members.close();
  return {};
}

// Column positions by name, sorted bytewise; of columns with one name the last counts.
std::map<std::string, std::size_t> columns_by_name(const Table& table) {
  std::map<std::string, std::size_t> columns;
  for (std::size_t i = 0; i < table.width(); ++i) columns[table.names[i]] = i;
  return columns;
}

void append_key(std::string& out, const std::string& name, bool first) {
  if (!first) out += ',';
  append_json_string(out, name);
  out += ':';
}

Status append_associative_row(std::string& out, const Table& table,
                              const std::map<std::string, std::size_t>& columns, std::size_t row,
                              bool blob_array) {
  out += '{';
  bool first = true;
  for (const auto& [name, i] : columns) {
    append_key(out, name, first);
    first = false;
    TRY(append_cell(out, table.rows.cells[row * table.width() + i], table.classes[i], blob_array));
  }
  out += '}';
  return {};
}

Status append_associative_rows(std::string& out, const sql::Rows& rows, Duration time,
                               const RenderOptions& options) {
  const Table table = make_table(rows, options);
  const auto columns = columns_by_name(table);
  Members members(out);
  if (table.width() > 0) {
    members.member("types") += '{';
    bool first = true;
    for (const auto& [name, i] : columns) {
      append_key(out, name, first);
      first = false;
      append_json_string(out, table.types[i]);
    }
    out += '}';
  }
  members.member("rows") += '[';
  for (std::size_t row = 0; row < table.row_count(); ++row) {
    if (row > 0) out += ',';
    TRY(append_associative_row(out, table, columns, row, options.blob_array));
  }
  out += ']';
  append_time(members, options, time);
  members.close();
  return {};
}

struct OutcomeWriter {
  std::string& out;
  const RenderOptions& options;
  Duration time;

  // A comment: an empty result set.
  Status operator()(std::monostate) { return (*this)(sql::Rows{}); }
  Status operator()(const sql::Counters& counters) {
    Members members(out);
    if (counters.last_insert_id != 0) {
      members.member("last_insert_id") += std::to_string(counters.last_insert_id);
    }
    if (counters.rows_affected != 0) {
      members.member("rows_affected") += std::to_string(counters.rows_affected);
    }
    append_time(members, options, time);
    if (options.associative) members.member("rows") += "null";
    members.close();
    return {};
  }
  Status operator()(const sql::Rows& rows) {
    return options.associative ? append_associative_rows(out, rows, time, options)
                               : append_plain_rows(out, rows, time, options);
  }
  Status operator()(const sql::SqlError& error) {
    Members members(out);
    if (options.associative && error.rows_wanted) members.member("rows") += "[]";
    append_json_string(members.member("error"), error.text);
    members.close();
    return {};
  }
};

// SQL runs without a clock, for nothing local may decide what it answers; a statement without a
// time of its own is given an equal share of the request's. Clients rely on each having one.
Status append_results(std::string& out, const sql::CommandResult& result, Duration request_time,
                      const RenderOptions& options) {
  const auto count = static_cast<Duration::rep>(result.statements.size());
  const Duration share = count > 0 ? request_time / count : Duration::zero();
  bool first = true;
  for (const auto& statement : result.statements) {
    if (!first) out += ',';
    first = false;
    const Duration time = statement.time > Duration::zero() ? statement.time : share;
    TRY(std::visit(OutcomeWriter{out, options, time}, statement.outcome));
  }
  return {};
}

}  // namespace

Result<std::string> render(const Envelope& envelope, const RenderOptions& options) {
  const auto* result = envelope.result;
  std::string_view error = envelope.error;
  if (error.empty() && result != nullptr) error = result->error;
  std::string out;
  Members members(out);
  members.member("results") += '[';
  if (error.empty() && result != nullptr) TRY(append_results(out, *result, envelope.time, options));
  out += ']';
  if (!error.empty()) append_json_string(members.member("error"), error);
  append_time(members, options, envelope.time);
  if (options.raft_index && envelope.raft_index.value != 0) {
    members.member("raft_index") += std::to_string(envelope.raft_index.value);
  }
  members.close();
  if (options.pretty) return indent_json(out);
  return out;
}

}  // namespace lockstep::api
