// SQLite's view of the world: a VFS over env::Disk. DatabaseFiles is what all connections of one
// database share (files, locks, the guard of durable state); a Vfs is one registration with a clock
// of its own, so that the connection that applies entries lives at the entry's time and a reader at
// its command's.
//
// The guard: SQLite may write the main file only inside a checkpoint of ours, and may restart the
// WAL only while the durable manifest needs none of its frames. Anything else is answered with an
// I/O error, which is final: better no answer than a state that no manifest names.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/rng.h"
#include "base/time.h"
#include "env/disk.h"
#include "sql/vfs_locks.h"

namespace lockstep::sql {

inline constexpr char kMainName[] = "db.sqlite";
inline constexpr char kWalName[] = "db.sqlite-wal";
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
  // Apply lane only: the committed state of the WAL as the writing connection left it.
  [[nodiscard]] WalIndex wal_index();

  // The guard. Apply lane only; reading connections may never write and do not look.
  bool main_writable = false;
  std::uint64_t durable_wal_frames = 0;

 private:
  env::Disk& disk_;
  LockTable locks_;
};

class Vfs {
 public:
  // Registers a VFS under a name of its own. `writable`: for the writing connection. `files`
  // outlives it, it outlives its connections.
  Vfs(DatabaseFiles& files, bool writable, std::uint64_t seed);
  ~Vfs();
  Vfs(const Vfs&) = delete;
  Vfs& operator=(const Vfs&) = delete;

  [[nodiscard]] const char* name() const { return name_.c_str(); }
  void set_time(WallTime now) { now_ = now; }

 private:
  friend struct VfsCalls;
  DatabaseFiles& files_;
  const bool writable_;
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
  bool writable = false;
  LockHolder locks;
};
struct SqliteFile {
  sqlite3_file base;
  OpenFile* open;
};
// The io_methods of OpenFile (version 2: with shared memory).
const sqlite3_io_methods* file_methods();

}  // namespace lockstep::sql
