// Checksums of the write-ahead file, in memory only: what was written to it by this process, or
// found valid when it was opened, must be what is read later. SQLite itself checks its frames only
// when it opens the file, so that without these a bit that rots under an open database would be
// served, or copied into the main file. 16 bytes a frame.
#pragma once

#include <memory>
#include <string_view>

#include "env/disk.h"
#include "sql/sum_table.h"

namespace lockstep::sql {

class FrameSums {
 public:
  // The file, with every read checked against what is known and every write and truncation made
  // known. A read fails with Errc::corrupt if something it touches, if only in part, is not what
  // was written, or with Errc::io if a sync of the file has failed before. Reads on any lane; the
  // rest on the lane of the writing connection. This object outlives the file.
  std::unique_ptr<env::File> guard(std::unique_ptr<env::File> wal);

  // `bytes` are known to be what stands at `offset`: the file's header, or headers and pages of
  // frames. What lies in there only in part is unknown from now on.
  void learn(std::uint64_t offset, std::string_view bytes);
  void forget(std::uint64_t offset, std::uint64_t bytes);
  // The file starts again, or ends here.
  void cut(std::uint64_t bytes);

 private:
  class Guarded;
  // The file consists of these: its header, and of each frame the header and the page.
  struct Extent {
    SumTable& sums;
    std::uint64_t frame;  // from 1; 0: the file's header
    std::uint64_t begin;
    std::uint64_t end;
  };
  Extent extent_at(std::uint64_t offset);
  // What a read of `wanted` bytes at `offset`, both on edges of extents, gave.
  Status verify(std::uint64_t offset, std::uint64_t wanted, std::string_view got);

  SumTable headers_;  // by frame; at 0 the file's header
  SumTable pages_;
  SyncWatch syncs_;
};

}  // namespace lockstep::sql
