// SQLite's view of the world: a VFS over env::Disk. DatabaseFiles is what all connections of one
// database share (files, locks, the guard of durable state); a Vfs is one registration with a clock
// of its own, so that the connection that applies entries lives at the entry's time and a reader at
// its command's.
//
// The guard (StateGuard): SQLite may write the main file only inside a checkpoint of ours, and may
// restart the WAL only while the durable manifest needs none of its frames. A restart is refused as
// if a reader were in the way, so that the writer appends instead; anything else is answered with
// an I/O error, which is final: better no answer than a state that no manifest names.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/rng.h"
#include "base/time.h"
#include "env/disk.h"
#include "sql/frame_sums.h"
#include "sql/image.h"
#include "sql/lane_locks.h"
#include "sql/page_sums.h"
#include "sql/vfs_locks.h"
#include "sql/wal_tail.h"

namespace lockstep::sql {

inline constexpr std::uint32_t kPageBytes = 4096;

// The WAL-index header, as far as durability needs it (SQLite, "WAL-mode file format", 2.1).
struct WalIndex {
  std::uint64_t frames = 0;      // committed frames in the WAL
  std::uint64_t backfilled = 0;  // of these already in the main file
  std::uint32_t pages = 0;       // size of the database after the last commit
  std::uint32_t salt1 = 0;
  std::uint32_t salt2 = 0;
};

class DatabaseFiles {
 public:
  explicit DatabaseFiles(env::Disk& disk) : disk_(disk) {}
  DatabaseFiles(const DatabaseFiles&) = delete;
  DatabaseFiles& operator=(const DatabaseFiles&) = delete;

  [[nodiscard]] env::Disk& disk() { return disk_; }
  [[nodiscard]] LockTable& locks() { return locks_; }
  [[nodiscard]] PageSums& page_sums() { return page_sums_; }
  [[nodiscard]] FrameSums& frame_sums() { return frame_sums_; }
  // The main file or the WAL, existing, for reading and writing past SQLite as for SQLite itself:
  // what is read is checked against the checksums, what is written makes them (see PageSums and
  // FrameSums for lanes and failures). This object outlives the file.
  Result<std::unique_ptr<env::File>> open(std::string_view name);
  [[nodiscard]] StateGuard& guard() { return guard_; }
  [[nodiscard]] WalTail& wal_tail() { return wal_tail_; }
  // The committed state of the WAL. Holder of the writer's gate, and before the first turn.
  [[nodiscard]] WalIndex wal_index();

  // Called when SQLite begins to copy frames into the main file: what is copied is fixed from here
  // on, and nothing has been written yet. Image lane.
  std::function<void()> on_copy_start;
  // Apply lane, as the next one: a write of the writing connection found no room on the disk, and
  // its batch is to be undone.
  bool disk_was_full = false;
  // Committed frames before the first effect of the batch under way: beyond it nothing can be
  // undone any more.
  std::uint64_t batch_begins_at = 0;

 private:
  env::Disk& disk_;
  LockTable locks_;
  StateGuard guard_;
  WalTail wal_tail_;
  PageSums page_sums_;
  FrameSums frame_sums_;
};

// What a connection may do with the files.
enum class FileAccess : std::uint8_t {
  read,
  write,  // appends to the WAL; the main file at its creation only
  copy,   // from the WAL into the main file
};

class Vfs {
 public:
  // Registers a VFS under a name of its own. `files` outlives it, it outlives its connections.
  Vfs(DatabaseFiles& files, FileAccess access, std::uint64_t seed);
  ~Vfs();
  Vfs(const Vfs&) = delete;
  Vfs& operator=(const Vfs&) = delete;

  [[nodiscard]] const char* name() const { return name_.c_str(); }
  void set_time(WallTime now) { now_ = now; }

 private:
  friend struct VfsCalls;
  DatabaseFiles& files_;
  const FileAccess access_;
  Rng rng_;
  WallTime now_;
  std::string name_;
  sqlite3_vfs base_{};
};

// One open file of a connection; the bytes behind SQLite's sqlite3_file.
struct OpenFile {
  DatabaseFiles& files;
  std::unique_ptr<env::File> file;
  bool is_main = false;
  FileAccess access = FileAccess::read;
  LockHolder locks;
};
struct SqliteFile {
  sqlite3_file base;
  OpenFile* open;
};
// The io_methods of OpenFile (version 2: with shared memory).
const sqlite3_io_methods* file_methods();

}  // namespace lockstep::sql
