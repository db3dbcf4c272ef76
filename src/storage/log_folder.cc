#include "storage/log_folder.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "storage/segment.h"
#include "storage/spares.h"

namespace lockstep::storage {
namespace {

constexpr std::uint64_t kMembershipBytesAt = 20;
constexpr std::uint64_t kMembershipAt = 80;

// All of the header, if there is one: its length stands in its first block.
Result<std::string> read_header_bytes(env::File& file, std::uint64_t file_bytes) {
  std::string start(std::min(file_bytes, kBlockBytes), '\0');
  TRY(env::read_exactly(file, 0, start));
  const std::uint64_t membership =
      start.size() < kBlockBytes
          ? 0
          : Decoder(std::string_view(start).substr(kMembershipBytesAt)).u32();
  start.resize(std::min(file_bytes, std::max(kBlockBytes, kMembershipAt + membership)));
  TRY(env::read_exactly(file, 0, start));
  return start;
}

Result<SegmentFile> read_segment_start(env::Disk& disk, std::uint64_t sequence) {
  SegmentFile at;
  at.sequence = sequence;
  TRY_ASSIGN(at.file, disk.open(segment_name(sequence), env::OpenMode::existing));
  TRY_ASSIGN(at.bytes, at.file->size());
  TRY_ASSIGN(const std::string start, read_header_bytes(*at.file, at.bytes));
  at.header = decode_segment_header(start);
  if (at.header && at.header->sequence != sequence)
    at.header = fail(Errc::corrupt, "header of another segment");
  if (at.header && segment_header_bytes(*at.header) > at.bytes)
    at.header = fail(Errc::corrupt, "file ends in its header");
  return at;
}

template <class See>
void each_batch(std::string_view segment, std::uint64_t offset, See see) {
  for (; offset + kBlockBytes <= segment.size(); offset += kBlockBytes)
    if (!see(offset, decode_batch_header(segment.substr(offset, kBatchHeaderBytes)))) return;
}

}  // namespace

Result<LogFolder> read_log_folder(env::Disk& disk) {
  LogFolder folder;
  TRY_ASSIGN(const auto names, disk.list());
  for (const auto& name : names) {  // sorted, and so are the sequences
    if (is_unfinished_segment(name)) folder.leftovers.push_back(name);
    if (Spares::is_spare(name)) folder.spares.push_back(name);
    const auto sequence = segment_sequence(name);
    if (!sequence) continue;
    TRY_ASSIGN(SegmentFile at, read_segment_start(disk, *sequence));
    // RaftLog::reset() voids what came before, damaged or not, with this header. (A first segment
    // in which no batch found room is followed by one that starts anew, too: it held nothing.)
    if (at.header && at.header->chain == ChainLink{}) {
      for (const auto& older : folder.segments)
        folder.leftovers.push_back(segment_name(older.sequence));
      folder.segments.clear();
    }
    folder.segments.push_back(std::move(at));
  }
  return folder;
}

std::optional<FoundBatch> find_batch(std::string_view segment, std::uint64_t offset,
                                     std::uint64_t salt, std::uint64_t number) {
  std::optional<FoundBatch> found;
  each_batch(segment, offset, [&](std::uint64_t at, const Result<BatchHeader>& header) {
    if (header && header->salt == salt && header->number > number &&
        (!found || header->number < found->header.number))
      found = {at, *header};
    return true;
  });
  return found;
}

std::optional<FoundBatch> find_batch_after(std::string_view segment, std::uint64_t offset,
                                           ChainLink before) {
  std::optional<FoundBatch> found;
  each_batch(segment, offset, [&](std::uint64_t at, const Result<BatchHeader>& header) {
    if (header && header->number == before.number + 1 && header->chain == before.checksum)
      found = {at, *header};
    return !found;
  });
  return found;
}

bool any_batch(std::string_view segment, std::uint64_t offset, std::uint64_t salt) {
  bool found = false;
  each_batch(segment, offset, [&](std::uint64_t at, const Result<BatchHeader>& header) {
    const bool is_header = header || header.error().code == Errc::invalid;
    found = is_header && salt_of_batch(segment.substr(at)) == salt;
    return !found;
  });
  return found;
}

}  // namespace lockstep::storage
