// The one disk under the Raft log and SQLite alike: a flat folder of named files, synchronous
// calls. Legal only inside lane work (and before the node's first turn). One File object is used by
// one lane at a time, except read(), which may run on several lanes at once.
//
// Failures: Errc::io (state of the operation unknown), no_space, not_found. After a failed write or
// sync of anything durable, the caller must stop for good: the next sync may succeed with the data
// gone (Rebello et al., "Can Applications Recover from fsync Failures?", ATC'20). Names are
// relative, of [A-Za-z0-9._-], without '/'. A name starting with "tmp." is not part of the state.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lockstep::env {

class File {
 public:
  virtual ~File() = default;
  // Reads up to into.size() bytes at `offset`; fewer only at the end of the file. Returns how many.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<char> into) = 0;
  // Writes all of `bytes` at `offset`, growing the file (with zeros in a gap). Not durable before
  // sync().
  virtual Status write(std::uint64_t offset, std::string_view bytes) = 0;
  // On success every earlier write and truncate of this file, and its size, survive a power loss
  // (fdatasync). Says nothing of the file's directory entry: see Disk::sync_dir.
  virtual Status sync() = 0;
  // Cuts or extends (with zeros) to `size`. Not durable before sync().
  virtual Status truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() = 0;
};

enum class OpenMode {
  existing,  // not_found if absent
  create,    // creates an empty file if absent
};

class Disk {
 public:
  virtual ~Disk() = default;
  // A new handle; several handles of one name see the same bytes.
  virtual Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) = 0;
  // Removes the name; open handles stay usable. Not durable before sync_dir(). not_found if absent.
  virtual Status remove(std::string_view name) = 0;
  // Atomically replaces `to`. Not durable before sync_dir(); may survive a power loss without the
  // data of `from` unless that was synced before.
  virtual Status rename(std::string_view from, std::string_view to) = 0;
  // Creations, removals and renames so far survive a power loss.
  virtual Status sync_dir() = 0;
  // All names, sorted.
  virtual Result<std::vector<std::string>> list() = 0;
};

// Reads exactly into.size() bytes or fails with Errc::corrupt ("file ends early").
Status read_exactly(File& file, std::uint64_t offset, std::span<char> into);

}  // namespace lockstep::env
