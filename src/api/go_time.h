// Dates and times in columns declared DATE, DATETIME or TIMESTAMP: read as rqlite's SQLite driver
// reads them, printed in RFC 3339 with as many fractional digits as needed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lockstep::api {

// `nanoseconds` in [0, 1e9) after `unix_seconds`, in UTC. Years outside 0000..9999 print with more
// digits or a sign.
std::string format_rfc3339(std::int64_t unix_seconds, std::uint32_t nanoseconds);

// An INTEGER of such a column: seconds since 1970, or milliseconds when beyond +-1e12.
std::string timestamp_from_integer(std::int64_t value);

// A TEXT of such a column: "YYYY-MM-DD", then optionally ' ' or 'T' and "HH:MM[:SS[.fraction]]",
// after seconds also an offset "+hh:mm". One trailing 'Z' is ignored. Anything else becomes
// "0001-01-01T00:00:00Z", which is what rqlite's clients get.
std::string timestamp_from_text(std::string_view text);

}  // namespace lockstep::api
