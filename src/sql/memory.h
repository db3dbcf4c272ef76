// SQLite's memory, watched. SQLite says "out of memory" for two reasons: the machine gave none, or
// the request is beyond what SQLite may ask a machine for, as of json_array() over long values. The
// second follows from a statement and its data alone, on every replica alike.
#pragma once

#include <cstdint>

namespace lockstep::sql {

// The largest piece of memory that SQLite gets, many times the largest value. Its own bound is 2
// GiB less a little: short of that its modules add up lengths in an int that overflows, as
// snippet() of FTS4 does, and then write where they should not. Part of what an entry means.
inline constexpr int kAllocationBytesMax = 1 << 30;

// Once per process, before SQLite is initialised.
void watch_allocations();
// How often so far the machine refused SQLite memory, on any lane.
std::uint64_t refused_allocations();

}  // namespace lockstep::sql
