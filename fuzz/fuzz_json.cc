// Statement bodies: any bytes give a well-formed command or a 400. The texts that come out are
// shown back through the response writer, which must make JSON of them that indenting keeps.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/json_object.h"
#include "api/json_request.h"
#include "api/json_response.h"
#include "base/check.h"

namespace api = lockstep::api;
namespace sql = lockstep::sql;
namespace wire = lockstep::wire;

namespace {

struct ToCell {
  sql::Cell operator()(wire::Null v) { return v; }
  sql::Cell operator()(std::int64_t v) { return v; }
  sql::Cell operator()(double v) { return v; }
  sql::Cell operator()(std::string_view v) { return std::string(v); }
  sql::Cell operator()(wire::BlobBytes v) { return sql::Bytes{std::string(v.bytes)}; }
};

// A statement as if it had returned its own parameters, each column declared in another way.
sql::Rows echo(const wire::Statement& statement) {
  constexpr const char* kTypes[] = {"", "blob", "datetime", "boolean", "text"};
  sql::Rows rows;
  for (std::size_t i = 0; i < statement.parameters.size(); ++i) {
    rows.columns.emplace_back(statement.parameters[i].name);
    rows.decltypes.emplace_back(kTypes[i % 5]);
    rows.cells.push_back(std::visit(ToCell{}, statement.parameters[i].value));
  }
  return rows;
}

std::string without_space(std::string_view json) {
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (!in_string && (c == ' ' || c == '\n')) continue;
    out += c;
    if (in_string && c == '\\' && i + 1 < json.size()) out += json[++i];
    if (c == '"') in_string = !in_string;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto bytes = api::parse_statements(body, {});
  if (!bytes) {
    CHECK(bytes.error().code == lockstep::Errc::invalid);
    CHECK(!bytes.error().text.empty());
    return 0;
  }
  const auto command = wire::decode_command(*bytes);
  CHECK(command.has_value());
  sql::CommandResult result;
  for (const auto& statement : command->statements) {
    CHECK(!statement.sql.empty());
    result.statements.push_back({.outcome = echo(statement), .time = {}});
  }
  api::RenderOptions options{.associative = size % 2 == 1, .blob_array = size % 3 == 0};
  const api::Envelope envelope{.result = &result, .error = {}, .time = {}, .raft_index = {}};
  const auto compact = api::render(envelope, options);
  CHECK(compact.has_value());
  CHECK(without_space(api::indent_json(*compact)) == *compact);
  CHECK(api::select_json(*compact, "results").starts_with('['));
  return 0;
}
