// SQLite's memory, watched. SQLite says "out of memory" for two reasons: the machine gave none, or
// the request is beyond what SQLite ever asks a machine for (2 GiB), as of json_array() over long
// values. The second follows from a statement and its data alone, on every replica alike.
#pragma once

#include <cstdint>

namespace lockstep::sql {

// Once per process, before SQLite is initialised.
void watch_allocations();
// How often so far the machine refused SQLite memory, on any lane.
std::uint64_t refused_allocations();

}  // namespace lockstep::sql
