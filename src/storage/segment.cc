#include "storage/segment.h"

#include <algorithm>

#include "base/bugs.h"
#include "base/check.h"

namespace lockstep::storage {
namespace {

constexpr std::string_view kPrefix = "log-";
constexpr std::string_view kUnfinishedPrefix = "tmp.log-";
constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::size_t kDigitCount = 16;
constexpr std::uint64_t kZeroChunk = 1u << 20;

}  // namespace

std::string segment_name(std::uint64_t sequence) {
  std::string name(kPrefix);
  for (int shift = 60; shift >= 0; shift -= 4) name += kDigits[(sequence >> shift) & 15];
  return name;
}

std::optional<std::uint64_t> segment_sequence(std::string_view name) {
  if (!name.starts_with(kPrefix) || name.size() != kPrefix.size() + kDigitCount) return {};
  std::uint64_t sequence = 0;
  for (const char c : name.substr(kPrefix.size())) {
    const auto digit = kDigits.find(c);
    if (digit == std::string_view::npos) return {};
    sequence = sequence << 4 | digit;
  }
  return sequence;
}

bool is_unfinished_segment(std::string_view name) {
  return name.starts_with(kUnfinishedPrefix);
}

namespace {

Status synced(env::File& file) {
  const Status done = file.sync();
  return LOCKSTEP_BUG(sync_error_ignored) ? Status() : done;
}

// Everything up to, but without, the rename.
Status fill(env::File& file, std::string_view start, std::uint64_t file_bytes) {
  // Legal: an attempt that met a full disk left bytes here; none of them may show through.
  TRY(file.truncate(0));
  TRY(file.write(0, start));
  const std::string zeros(std::min(kZeroChunk, file_bytes), '\0');
  for (std::uint64_t at = start.size(); at < file_bytes;) {
    const std::uint64_t part = std::min<std::uint64_t>(zeros.size(), file_bytes - at);
    TRY(file.write(at, std::string_view(zeros).substr(0, part)));
    at += part;
  }
  return synced(file);
}

Status fill_spare(env::Disk& disk, Segment& segment, const std::string& name,
                  std::string_view start) {
  TRY_ASSIGN(segment.file, disk.open(name, env::OpenMode::existing));
  TRY_ASSIGN(segment.file_bytes, segment.file->size());
  CHECK(start.size() <= segment.file_bytes);
  TRY(segment.file->write(0, start));
  return synced(*segment.file);
}

}  // namespace

Result<std::unique_ptr<env::File>> create_written(env::Disk& disk, const std::string& name,
                                                  std::string_view start,
                                                  std::uint64_t file_bytes) {
  TRY_ASSIGN(auto file, disk.open(name, env::OpenMode::create));
  const Status filled = fill(*file, start, file_bytes);
  if (filled) return file;
  file.reset();
  // Give the space back. A failure here is not the caller's: RaftLog::open removes such files too.
  static_cast<void>(disk.remove(name));
  return std::unexpected(filled.error());
}

Result<Segment> create_segment(env::Disk& disk, SegmentRequest request, bool& renaming) {
  renaming = false;
  Segment segment;
  segment.header = std::move(request.header);
  segment.header.sealed = segment_header_bytes(segment.header) + request.batch.size();
  segment.used_bytes = segment.header.sealed;
  segment.file_bytes = std::max(in_blocks(request.file_bytes), segment.used_bytes);

  const std::string name = segment_name(segment.header.sequence);
  const std::string start = encode_segment_header(segment.header).append(request.batch);
  std::string unfinished = std::move(request.spare);
  if (unfinished.empty()) {
    unfinished = "tmp." + name;
    CHECK(is_unfinished_segment(unfinished));
    TRY_ASSIGN(segment.file, create_written(disk, unfinished, start, segment.file_bytes));
  } else {
    TRY(fill_spare(disk, segment, unfinished, start));
  }
  renaming = true;
  TRY(disk.rename(unfinished, name));
  TRY(disk.sync_dir());
  return segment;
}

}  // namespace lockstep::storage
