// What the lanes of one database share besides SQLite's own locks: whose turn it is with the
// writer, which file may be changed how, and whether a query is to end. With vfs_locks.h the only
// mutexes below host/.
#pragma once

#include <cstdint>
#include <mutex>

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

}  // namespace lockstep::sql
