#include "sql/memory.h"

#include <sqlite3.h>

#include "base/check.h"
#include "sql/vfs_locks.h"

namespace lockstep::sql {
namespace {

struct Watch {
  sqlite3_mem_methods methods{};  // SQLite's own
  Lock lock;
  std::uint64_t refused = 0;
};

// As SQLite has one allocator for the process.
Watch& watch() {
  static Watch of_process;
  return of_process;
}

void* noted(void* memory) {
  if (memory == nullptr) {
    const Held held(watch().lock);
    ++watch().refused;
  }
  return memory;
}

void* allocate(int bytes) {
  if (bytes > kAllocationBytesMax) return nullptr;
  return noted(watch().methods.xMalloc(bytes));
}

void* reallocate(void* memory, int bytes) {
  if (bytes > kAllocationBytesMax) return nullptr;
  return noted(watch().methods.xRealloc(memory, bytes));
}

}  // namespace

void watch_allocations() {
  CHECK(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &watch().methods) == SQLITE_OK);
  sqlite3_mem_methods watched = watch().methods;
  watched.xMalloc = &allocate;
  watched.xRealloc = &reallocate;
  CHECK(sqlite3_config(SQLITE_CONFIG_MALLOC, &watched) == SQLITE_OK);
}

std::uint64_t refused_allocations() {
  const Held held(watch().lock);
  return watch().refused;
}

}  // namespace lockstep::sql
