#include "sim/answer.h"

#include <boost/json.hpp>
#include <charconv>
#include <string_view>

namespace lockstep::sim {
namespace {

namespace json = boost::json;

// In an envelope (status 200) only this one promises "certainly not executed" (docs/api.md).
bool is_certain(std::string_view error) {
  return error == "leader not found";
}

check::Value cell_text(const json::value& cell) {
  if (cell.is_null()) return std::nullopt;
  if (cell.is_string()) return std::string(cell.get_string());
  return json::serialize(cell);
}

StatementAnswer read_statement(const json::object& object) {
  StatementAnswer answer;
  if (const auto* error = object.if_contains("error"); error != nullptr && error->is_string()) {
    answer.error = std::string(error->get_string());
  }
  if (const auto* count = object.if_contains("rows_affected");
      count != nullptr && count->is_int64()) {
    answer.rows_affected = count->get_int64();
  }
  const auto* values = object.if_contains("values");
  if (values == nullptr || !values->is_array()) return answer;
  for (const json::value& row : values->get_array()) {
    auto& cells = answer.rows.emplace_back();
    if (!row.is_array()) continue;
    for (const json::value& cell : row.get_array()) cells.push_back(cell_text(cell));
  }
  return answer;
}

void read_body(std::string_view body, Answer& answer) {
  boost::system::error_code problem;
  const json::value parsed = json::parse(body, problem);
  if (problem || !parsed.is_object()) {
    answer.error = "unreadable body";
    return;
  }
  const json::object& object = parsed.get_object();
  if (const auto* error = object.if_contains("error"); error != nullptr && error->is_string()) {
    answer.error = std::string(error->get_string());
    answer.outcome = is_certain(answer.error) ? check::Outcome::fail : check::Outcome::info;
    return;
  }
  if (const auto* index = object.if_contains("raft_index"); index != nullptr) {
    if (index->is_int64()) answer.raft_index = static_cast<std::uint64_t>(index->get_int64());
  }
  const auto* results = object.if_contains("results");
  if (results == nullptr || !results->is_array()) {
    answer.error = "body without results";
    return;
  }
  for (const json::value& each : results->get_array()) {
    answer.results.push_back(each.is_object()
                                 ? read_statement(each.get_object())
                                 : StatementAnswer{.error = "not an object", .rows = {}});
  }
  answer.outcome = check::Outcome::ok;
}

}  // namespace

std::optional<std::int64_t> to_integer(const check::Value& cell) {
  if (!cell) return std::nullopt;
  std::int64_t value = 0;
  const char* end = cell->data() + cell->size();
  const auto [stop, problem] = std::from_chars(cell->data(), end, value);
  if (problem != std::errc{} || stop != end) return std::nullopt;
  return value;
}

Answer read_answer(const Exchange& exchange) {
  Answer answer;
  if (exchange.fate == Fate::refused) answer.outcome = check::Outcome::fail;
  if (exchange.fate != Fate::answered) return answer;
  const api::Response& response = exchange.response;
  if (response.status == 200) {
    read_body(response.body, answer);
    return answer;
  }
  answer.error = response.body;
  // 408 is a wait that ended, not a refusal.
  const bool refused = response.status >= 400 && response.status < 500 && response.status != 408;
  const bool certain =
      response.status == 503 && response.body.find("may or may not") == std::string::npos;
  if (refused || certain) answer.outcome = check::Outcome::fail;
  return answer;
}

std::string answering_node(const Exchange& exchange, const std::string& asked) {
  for (const auto& [name, value] : exchange.response.headers) {
    if (name == "X-Rqlite-Served-By" && value != asked + ":4001") return "";
  }
  return asked;
}

}  // namespace lockstep::sim
