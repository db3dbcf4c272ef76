// Numbers and durations as Go's standard library prints and reads them; rqlite's clients and
// scripts know them in this form.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace lockstep::api {

// As encoding/json: the shortest digits that read back equal, with an exponent only below 1e-6 or
// from 1e21 on ("1e+21", "2.26e-7"). Precondition: finite.
void append_json_number(std::string& out, double value);

// As time.Duration.String(): "104.2µs", "1m30s", "0s".
std::string format_duration(Duration duration);

// As time.ParseDuration: "300ms", "-1.5h", "2h45m"; "0" needs no unit. Fractions below a nanosecond
// are cut. Empty: not a duration, or out of range.
std::optional<Duration> parse_duration(std::string_view text);

// As strconv.Atoi: an optional sign and decimal digits within 64 bits.
std::optional<std::int64_t> parse_integer(std::string_view text);

}  // namespace lockstep::api
