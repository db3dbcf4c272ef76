// Request targets and query strings as Go's net/url reads them.
#pragma once

#include <map>
#include <string>
#include <string_view>

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

// The first value of each name. Errc::invalid: a bad escape, or a semicolon (no longer a separator
// for Go, so that proxies and servers split alike).
Result<std::map<std::string, std::string>> parse_query(std::string_view query);

}  // namespace lockstep::api
