// The bytes of the Raft log: segment headers, batches, entries. Pure functions; the walk over them
// is log_replay.h, the files are segment.h. All integers little-endian, all checksums XXH3-64.
//
// Segment file: header, then batches, each starting at a multiple of 4096, then zeros.
//
// Segment header (version 1), zero-padded to a multiple of 4096
//   offset size  meaning
//   0      8     magic "LockSegm"
//   8      8     checksum of bytes [16, 80 + m)
//   16     4     version = 1
//   20     4     m, bytes of membership
//   24     8     sequence, as in the file's name
//   32     8     salt: random, in each batch of this segment
//   40     8     index \ of the entry before this segment; entries of older segments
//   48     8     term  / above it are overridden
//   56     8     number   \ of the batch before this segment; 0 and 0: the log starts
//   64     8     checksum / anew here, what older segments hold is void
//   72     8     sealed: so many bytes of the file were durable before it got its name
//   80     m     membership in force at that entry (raft/membership.h), m = 0 if none
//
// Batch (version 1), zero-padded to a multiple of 4096
//   0      4     magic "LkBt"
//   4      4     version = 1
//   8      8     number: one more than the batch before, across segments
//   16     8     salt of the segment
//   24     8     index of the first entry
//   32     4     number of entries, at least 1
//   36     4     b, bytes of the body
//   40     8     header checksum of the batch before (the chain)
//   48     8     term of the entry before the first one
//   56     8     index of the newest membership entry of this segment before this batch, 0: none
//   64     8     checksum of the body
//   72     8     header checksum: of bytes [0, 72)
//   80     b     body: per entry u64 term, u8 kind, u32 length, payload
//
// The two fields at 48 let the log begin at any batch, when one before it was lost that nobody
// needs: they tell its position, and whether the lost one changed the membership.
//
// Magic, version, salt and header checksum stand there in every version. None of them but the salt
// is beyond a client, whose bytes fill blocks of bodies and show again when the file is used again:
// what bears another salt is not of the segment, whatever else it says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "raft/messages.h"

namespace lockstep::storage {

inline constexpr std::uint64_t kBlockBytes = 4096;
inline constexpr std::uint64_t kBatchHeaderBytes = 80;
inline constexpr std::uint32_t kLogVersion = 1;
inline constexpr std::string_view kBatchMagic = "LkBt";
// The greatest index, batch number and sequence. No honest log comes near; decoders refuse more, so
// that arithmetic on what a file says cannot wrap, and nothing beyond is written.
inline constexpr std::uint64_t kLogCounterMax = std::uint64_t{1} << 62;

// `bytes` rounded up to whole blocks.
constexpr std::uint64_t in_blocks(std::uint64_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

// A place in the chain of batches. {0, 0} is the point before the first one.
struct ChainLink {
  std::uint64_t number = 0;
  std::uint64_t checksum = 0;
  friend bool operator==(const ChainLink&, const ChainLink&) = default;
};

struct SegmentHeader {
  std::uint64_t sequence = 0;
  std::uint64_t salt = 0;
  raft::Position previous;
  ChainLink chain;
  std::uint64_t sealed = 0;
  std::string membership;
};

// Whole blocks.
std::string encode_segment_header(const SegmentHeader& header);
// How many bytes encode_segment_header() gives.
std::uint64_t segment_header_bytes(const SegmentHeader& header);
// Errc::corrupt: damaged. Errc::invalid: intact, but of a newer version.
Result<SegmentHeader> decode_segment_header(std::string_view file);

// What a batch says of the log before it.
struct BatchContext {
  Term previous_term;   // of the entry before its first one
  LogIndex membership;  // the newest membership entry of its segment, 0 if none came yet
  friend bool operator==(const BatchContext&, const BatchContext&) = default;
};

struct BatchHeader {
  std::uint64_t number = 0;
  std::uint64_t salt = 0;
  LogIndex first;
  std::uint32_t count = 0;
  std::uint32_t body_bytes = 0;
  std::uint64_t chain = 0;  // checksum of the batch before
  BatchContext context;
  std::uint64_t body_checksum = 0;
  std::uint64_t checksum = 0;
};

// The end of a batch's last block, counted from its start.
constexpr std::uint64_t batch_bytes(const BatchHeader& header) {
  return in_blocks(kBatchHeaderBytes + header.body_bytes);
}

// Precondition: entries not empty and consecutive, below 4 GiB together. Whole blocks.
std::string encode_batch(ChainLink before, std::uint64_t salt,
                         const std::vector<raft::Entry>& entries, BatchContext context = {});
// How many bytes encode_batch() gives; 0 for no entries.
std::uint64_t encoded_batch_bytes(const std::vector<raft::Entry>& entries);
// Errc::corrupt: no batch header stands at the start of `bytes`, or a damaged one. Errc::invalid:
// intact, but of a newer version; salt_of_batch() tells whether that is to be believed. Says
// nothing of the body.
Result<BatchHeader> decode_batch_header(std::string_view bytes);
// What stands where a batch has its salt, intact or not. Precondition: at least a header's bytes.
std::uint64_t salt_of_batch(std::string_view bytes);
// `bytes` starts with this batch and holds all of its body, and the body's checksum is right.
bool body_is_intact(const BatchHeader& header, std::string_view bytes);

// One entry of a body; the payload points into it.
struct EntryView {
  Term term;
  LogIndex index;
  raft::EntryKind kind = raft::EntryKind::noop;
  std::string_view payload;
};
// Errc::corrupt unless the body is exactly header.count well-formed entries.
Result<std::vector<EntryView>> decode_body(const BatchHeader& header, std::string_view bytes);

}  // namespace lockstep::storage
