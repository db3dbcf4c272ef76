// WalTail: the end of the write-ahead file that found no room on a full disk, kept in memory.
//
// A batch that the disk has no room for is undone by SQLite, unless a part of it is committed
// already: entries that must run alone commit by themselves, statement by statement. From then on
// the batch is completed here, and the next one waits until this has gone to the disk. Frames in
// here are part of the file for every connection; no durable state names them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "env/disk.h"
#include "sql/vfs_locks.h"

namespace lockstep::sql {

class WalTail {
 public:
  // More than this is not kept: the process ends, and replays the batch when there is space.
  static constexpr std::uint64_t kBytesMax = 256u << 20;

  // The part of [offset, offset + bytes.size()) that the tail begins at or before is written to it;
  // returns how many bytes stand before it and belong to the file. Holder of the writer's gate.
  std::size_t write(std::uint64_t offset, std::string_view bytes);
  // Begins the tail at `offset`, where the file now ends. Precondition: there is none. Holder of
  // the writer's gate.
  void begin(std::uint64_t offset);
  // Nothing is kept. Holder of the writer's gate.
  [[nodiscard]] bool empty();
  [[nodiscard]] bool is_too_long();
  // Moves it to the file. Errc::no_space: it is still needed. Holder of the writer's gate.
  Status flush(env::File& wal);
  // Forgets it: the file is cut or starts again. Holder of the writer's gate.
  void clear();

  // A read of `wal`, where the tail counts as its end. Any lane.
  Result<std::size_t> read(env::File& wal, std::uint64_t offset, std::span<char> into);
  Result<std::uint64_t> size(env::File& wal);

 private:
  Lock lock_;
  bool exists_ = false;
  std::uint64_t base_ = 0;  // where in the file `bytes_` begin
  std::string bytes_;
};

}  // namespace lockstep::sql
