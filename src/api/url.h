// Request targets and query strings as Go's net/url reads them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace lockstep::api {

struct Target {
  std::string path;       // unescaped
  std::string raw_query;  // after the first '?', as it came
};

// Splits "path?query" (or "http://host/path?query"). Errc::invalid: bad escape in the path.
Result<Target> parse_target(std::string_view target);

// Undoes percent-encoding. Errc::invalid: `invalid URL escape "%.."`.
Result<std::string> unescape(std::string_view text, bool plus_is_space);

// In the order of the query. Looked through from the front: there are one or two of them.
class QueryValues {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  QueryValues() = default;
  explicit QueryValues(Pairs pairs) : pairs_(std::move(pairs)) {}

  // The first value of the name; null if there is none.
  [[nodiscard]] const std::string* find(std::string_view name) const {
    for (const auto& [known, value] : pairs_) {
      if (known == name) return &value;
    }
    return nullptr;
  }
  [[nodiscard]] bool contains(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] const Pairs& pairs() const { return pairs_; }

 private:
  Pairs pairs_;
};

// Errc::invalid: a bad escape, or a semicolon (no longer a separator
// for Go, so that proxies and servers split alike).
Result<QueryValues> parse_query(std::string_view query);

}  // namespace lockstep::api
