// Segment: one open file of the Raft log, and how such files come to be. A segment is written
// whole under a "tmp." name (header, first batch if there is one, zeros to its full size), synced,
// and only then renamed, so a file under its own name always has a good header and only written
// blocks: a batch added later is one write and one sync that changes no metadata. A spare
// (spares.h) has such blocks already and saves the zeros: what it held before stays behind the
// first batch, and no reader takes it for a batch, since every segment has a salt of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "env/disk.h"
#include "storage/log_format.h"

namespace lockstep::storage {

struct Segment {
  SegmentHeader header;
  std::unique_ptr<env::File> file;
  std::uint64_t file_bytes = 0;
  std::uint64_t used_bytes = 0;  // where the next batch goes
  LogIndex membership;           // newest membership entry in this segment, 0: none
};

// "log-" and 16 hexadecimal digits.
std::string segment_name(std::uint64_t sequence);
// nullopt for any other name.
std::optional<std::uint64_t> segment_sequence(std::string_view name);
// A segment that a crash left half made.
bool is_unfinished_segment(std::string_view name);

// A file of that name (new, or an attempt that failed) with `start`, then zeros up to `file_bytes`,
// synced. Its name is not durable. On failure it is gone again.
Result<std::unique_ptr<env::File>> create_written(env::Disk& disk, const std::string& name,
                                                  std::string_view start, std::uint64_t file_bytes);

// Makes the segment durable with `batch` (may be empty) as its first; header.sealed is set here.
// On failure no segment of that name appears, unless the failure came from the rename or after it;
// `renaming` tells. Before that, a new file is gone again, and a spare is still one.
struct SegmentRequest {
  SegmentHeader header;
  std::string_view batch;
  std::uint64_t file_bytes = 0;  // of a new file; grown if header and batch need more
  std::string spare{};           // a file of written blocks that hold header and batch; or empty
};
Result<Segment> create_segment(env::Disk& disk, SegmentRequest request, bool& renaming);

}  // namespace lockstep::storage
