#include "api/json_object.h"

#include <algorithm>

#include "api/json_response.h"

namespace lockstep::api {
namespace {

std::string print_members(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string out = "{";
  for (const auto& [name, json] : members) {
    if (out.size() > 1) out += ',';
    append_json_string(out, name);
    out += ':';
    out += json;
  }
  return out + "}";
}

std::size_t skip_space(std::string_view json, std::size_t at) {
  return std::min(json.find_first_not_of(" \t\r\n", at), json.size());
}

std::size_t string_end(std::string_view json, std::size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at) {
    if (json[at] == '\\') ++at;
  }
  return std::min(at + 1, json.size());
}

// Position after the value that starts at `at`.
std::size_t value_end(std::string_view json, std::size_t at) {
  std::size_t depth = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      at = string_end(json, at);
    } else {
      if (depth == 0 && (c == ',' || c == '}' || c == ']')) return at;
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at;
    }
    if (depth == 0 && (c == '"' || c == '}' || c == ']')) return at;
  }
  return at;
}

// The value of a member of the object `json`; empty if there is none.
std::string_view member_of(std::string_view json, std::string_view name) {
  std::string quoted;
  append_json_string(quoted, name);
  std::size_t at = skip_space(json, 1);
  while (at < json.size() && json[at] == '"') {
    const std::size_t name_end = string_end(json, at);
    const auto found = json.substr(at, name_end - at);
    const std::size_t value_at = skip_space(json, skip_space(json, name_end) + 1);
    const std::size_t end = value_end(json, value_at);
    if (found == quoted) return json.substr(value_at, end - value_at);
    at = skip_space(json, skip_space(json, end) + 1);
  }
  return {};
}

}  // namespace

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
  std::string json;
  append_json_string(json, value);
  return raw(name, std::move(json));
}

JsonObject& JsonObject::number(std::string_view name, std::uint64_t value) {
  return raw(name, std::to_string(value));
}

JsonObject& JsonObject::boolean(std::string_view name, bool value) {
  return raw(name, value ? "true" : "false");
}

JsonObject& JsonObject::raw(std::string_view name, std::string json) {
  for (auto& [known, value] : members_) {
    if (known != name) continue;
    value = std::move(json);
    return *this;
  }
  members_.emplace_back(name, std::move(json));
  return *this;
}

std::string JsonObject::print() const {
  return print_members(members_);
}

std::string JsonObject::print_sorted() const {
  auto sorted = members_;
  std::sort(sorted.begin(), sorted.end());
  return print_members(sorted);
}

std::string json_array(const std::vector<std::string>& elements) {
  std::string out = "[";
  for (const auto& element : elements) {
    if (out.size() > 1) out += ',';
    out += element;
  }
  return out + "]";
}

std::string select_json(std::string_view json, std::string_view path) {
  json = json.substr(skip_space(json, 0));
  while (!path.empty() && json.starts_with('{')) {
    const auto dot = path.find('.');
    const auto found = member_of(json, path.substr(0, dot));
    if (found.empty()) return "{}";
    json = found;
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  const auto last = json.find_last_not_of(" \t\r\n");
  return std::string(json.substr(0, last + 1));
}

}  // namespace lockstep::api
