// Durations as Go programs read and print them ("300ms", "1.5s", "1h30m", "0"), because rqlite's
// flags are written that way.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace lockstep::host {

// Errc::invalid: "X is not a valid duration". Negative durations are invalid too: no flag takes
// one.
Result<Duration> parse_duration(std::string_view text);
// "300ms", "3s", "2m0s", "1h0m0s", as Go prints them.
std::string to_string(Duration duration);

}  // namespace lockstep::host
