// Less memory for SQLite than it asks for.
#pragma once

#include <sqlite3.h>

#include <cstdint>

#include "base/check.h"

namespace lockstep::sql {

// Only what is counted can be limited, and counting must be asked for before the first connection.
inline const bool kMemoryIsCounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 1) == SQLITE_OK;

// A scope in which SQLite refuses itself all beyond `left` bytes, as it does with requests that are
// too large for it: the machine is never asked.
class NoMemory {
 public:
  explicit NoMemory(std::int64_t left) {
    CHECK(kMemoryIsCounted);
    sqlite3_hard_heap_limit64(sqlite3_memory_used() + left);
  }
  ~NoMemory() { sqlite3_hard_heap_limit64(0); }
  NoMemory(const NoMemory&) = delete;
  NoMemory& operator=(const NoMemory&) = delete;
};

}  // namespace lockstep::sql
