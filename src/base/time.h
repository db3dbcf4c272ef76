// Time as data. Nothing here reads a clock: monotonic time comes from env::Clock (constant within a
// turn), wall time only to stamp proposals.
#pragma once

#include <chrono>
#include <cstdint>

namespace lockstep {

using Duration = std::chrono::nanoseconds;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// The node's monotonic time line; it has no now() on purpose.
struct Monotonic {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<Monotonic, Duration>;
  static constexpr bool is_steady = true;
};
using TimePoint = Monotonic::time_point;

// A deadline that never comes.
inline constexpr TimePoint kNever = TimePoint::max();

// Milliseconds since 1970-01-01T00:00:00Z, as SQLite's clock wants them. May jump in both
// directions.
struct WallTime {
  std::int64_t unix_ms = 0;
  friend auto operator<=>(const WallTime&, const WallTime&) = default;
};

}  // namespace lockstep
