// A small JSON object built member by member, for status pages. (Result sets are streamed instead,
// see json_response.cc.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lockstep::api {

class JsonObject {
 public:
  JsonObject& text(std::string_view name, std::string_view value);
  JsonObject& number(std::string_view name, std::uint64_t value);
  JsonObject& boolean(std::string_view name, bool value);
  // `json` is JSON already. An earlier member of that name is replaced.
  JsonObject& raw(std::string_view name, std::string json);

  // Members in the order they were added.
  [[nodiscard]] std::string print() const;
  // Members sorted bytewise by name, as Go prints maps.
  [[nodiscard]] std::string print_sorted() const;

 private:
  std::vector<std::pair<std::string, std::string>> members_;
};

std::string json_array(const std::vector<std::string>& elements);

// The value at a dotted path ("store.raft.state"): "{}" if a name is missing; a path that leads
// through something else than an object ends there. Precondition: `json` is valid.
std::string select_json(std::string_view json, std::string_view path);

}  // namespace lockstep::api
