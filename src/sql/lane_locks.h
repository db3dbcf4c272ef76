// What the lanes of one database share besides SQLite's own locks: whose turn it is with the
// writer, which file may be changed how, whether a query is to end, and which come after it. With
// vfs_locks.h the only mutexes below host/.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "sql/vfs_locks.h"

namespace lockstep::sql {

// Holds the writer between two batches. Whoever waits gets it next: a writer that takes batch after
// batch cannot keep a checkpoint waiting.
class WriterGate {
 private:
  friend class GateHold;
  std::mutex turnstile_;
  std::mutex gate_;
};

// Has the gate from its making until release() or its end. Waits; not reentrant.
class GateHold {
 public:
  explicit GateHold(WriterGate& gate);
  void release();

 private:
  std::unique_lock<std::mutex> lock_;
};

// The guard of durable state: SQLite may write the main file only inside a checkpoint of ours, and
// may restart the WAL only while the durable manifest needs none of its frames. Any lane.
class StateGuard {
 public:
  // From here on the main file may be written, or no more.
  void open_main(bool open);
  [[nodiscard]] bool main_is_open();
  // The WAL must keep its first `frames` frames; 0: it may start again.
  void protect_wal(std::uint64_t frames);
  [[nodiscard]] bool wal_is_protected();
  // A checkpoint is under way that may copy so many frames; 0: none is.
  void set_copying(std::uint64_t frames);
  [[nodiscard]] std::uint64_t copying();

 private:
  Lock lock_;
  bool main_open_ = false;
  std::uint64_t protected_frames_ = 0;
  std::uint64_t copying_ = 0;
};

// Ends a query from another lane, and the one after it only if that is what is asked for.
class Interruption {
 public:
  // The reader's lane: a query begins; it ends; is it to end?
  void begin();
  void end();
  [[nodiscard]] bool asked();
  // Any lane. Without a query under way nothing happens.
  void ask();
  // Any lane. Whatever is under way and whatever comes is to end.
  void ask_for_good();

 private:
  Lock lock_;
  bool running_ = false;
  bool asked_ = false;
  bool for_good_ = false;
};

// How far a lane has come with a row of jobs, the end of which somebody else may take back.
class JobRow {
 public:
  explicit JobRow(std::size_t jobs) : end_(jobs) {}
  // The lane: the number of the job that it begins now; nothing at the end of the row.
  std::optional<std::size_t> begin_next();
  // Any lane, any turn: how many jobs have been begun.
  [[nodiscard]] std::size_t begun();
  // Any lane, any turn. The row ends behind the jobs that have been begun; those from `first` up to
  // `end` are off it.
  struct Rest {
    std::size_t first;
    std::size_t end;
  };
  Rest cut();

 private:
  Lock lock_;
  std::size_t begun_ = 0;
  std::size_t end_;
};

}  // namespace lockstep::sql
