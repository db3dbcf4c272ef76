// The locks and the shared memory that the connections of one database use to agree with each other
// (SQLite's file locks and WAL-index), kept in heap memory because all of them live in one process.
// The locks are real: a lock that only pretends lets the last-closing connection delete the WAL
// under another one. This is the one object that lane threads share, hence the one mutex below
// host/. Nothing in here blocks or does I/O.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/result.h"

namespace lockstep::sql {

// A lock for what lanes share for a moment, of memory or of one file operation; Held has it for a
// scope.
class Lock {
 private:
  friend class Held;
  std::mutex mutex_;
};
class Held {
 public:
  explicit Held(Lock& lock) : guard_(lock.mutex_) {}

 private:
  const std::lock_guard<std::mutex> guard_;
};

// Levels of the main file's lock, with SQLite's values.
enum class FileLock : int { none = 0, shared = 1, reserved = 2, pending = 3, exclusive = 4 };

// What one open main file holds. Owned by the file; only the table writes to it.
struct LockHolder {
  FileLock level = FileLock::none;
  bool reserved = false;
  bool mapped = false;
  std::uint8_t shared_slots = 0;     // bit i: holds slot i shared
  std::uint8_t exclusive_slots = 0;  // bit i: holds slot i alone
};

class LockTable {
 public:
  static constexpr int kSlots = 8;
  static constexpr int kRegionBytes = 32 * 1024;

  // File locks, as xLock, xUnlock and xCheckReservedLock ask. False: somebody else is in the way.
  bool lock_file(LockHolder& holder, FileLock wanted);
  void unlock_file(LockHolder& holder, FileLock down_to);
  bool is_reserved();

  // WAL-index slots [first, first + count). All or nothing; false: somebody else is in the way.
  bool lock_slots(LockHolder& holder, int first, int count, bool exclusive);
  void unlock_slots(LockHolder& holder, int first, int count);

  // Region `number` of the WAL-index, zeros at first; nullptr if absent and not to be made. The
  // address stays valid until every holder has unmapped.
  void* map(LockHolder& holder, std::size_t number, bool extend);
  void unmap(LockHolder& holder);
  // Orders memory between threads (ThreadSanitizer does not understand bare fences).
  void barrier();
  // Copies the WAL-index header's first `words`; false if there is none yet. Beside a writer each
  // word is right by itself only.
  bool copy_index(std::uint32_t* into, std::size_t words);

  // The first disk failure any connection met: what SQLite's result codes no longer tell.
  void note_failure(Error error);
  std::optional<Error> failure();
  bool has_failed();

 private:
  void release_all_slots(LockHolder& holder);

  std::mutex mutex_;
  int file_shared_ = 0;
  bool file_reserved_ = false;
  bool file_pending_ = false;
  std::array<int, kSlots> slot_shared_{};
  std::array<bool, kSlots> slot_exclusive_{};
  std::vector<std::unique_ptr<std::array<char, kRegionBytes>>> regions_;
  int mapped_ = 0;
  std::optional<Error> failure_;
};

}  // namespace lockstep::sql
