// LogFolder: which files of the data folder belong to the Raft log, and what their first blocks
// say. Also the search for batches in a segment's bytes that replay needs where it cannot go on.
// Reading changes nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/disk.h"
#include "storage/log_format.h"

namespace lockstep::storage {

struct SegmentFile {
  std::uint64_t sequence = 0;
  std::unique_ptr<env::File> file;
  std::uint64_t bytes = 0;
  Result<SegmentHeader> header;  // errors as decode_segment_header(); corrupt: of another segment
};

struct LogFolder {
  std::vector<SegmentFile> segments;   // ascending; the first one is where the log starts anew last
  std::vector<std::string> leftovers;  // unfinished segments, and those that are void
  std::vector<std::string> spares;
};

Result<LogFolder> read_log_folder(env::Disk& disk);

// A batch header at a block's start, intact and of the segment with this salt.
struct FoundBatch {
  std::uint64_t offset = 0;
  BatchHeader header;
};
// The one with the lowest number above `number`, at or behind `offset`.
std::optional<FoundBatch> find_batch(std::string_view segment, std::uint64_t offset,
                                     std::uint64_t salt, std::uint64_t number);
// The first one at or behind `offset` that follows `before`, whatever its salt.
std::optional<FoundBatch> find_batch_after(std::string_view segment, std::uint64_t offset,
                                           ChainLink before);
// Does any of this salt stand there, whatever its number, or one of a newer version?
bool any_batch(std::string_view segment, std::uint64_t offset, std::uint64_t salt);

}  // namespace lockstep::storage
