#include "storage/log_format.h"

#include <limits>

#include "base/check.h"
#include "base/codec.h"
#include "base/hash.h"

namespace lockstep::storage {
namespace {

constexpr std::string_view kSegmentMagic = "LockSegm";
constexpr std::uint64_t kSegmentHeaderFixed = 80;
constexpr std::uint64_t kSegmentChecked = 16;  // the segment's checksum covers from here
constexpr std::uint64_t kBatchChecked = 72;    // the batch's covers up to here
constexpr std::uint64_t kBatchSaltAt = 16;
constexpr std::uint64_t kEntryFixed = 13;

std::uint64_t body_bytes_of(const std::vector<raft::Entry>& entries) {
  std::uint64_t bytes = 0;
  for (const auto& entry : entries) bytes += kEntryFixed + entry.payload.size();
  return bytes;
}

}  // namespace

std::uint64_t segment_header_bytes(const SegmentHeader& header) {
  return in_blocks(kSegmentHeaderFixed + header.membership.size());
}

std::string encode_segment_header(const SegmentHeader& header) {
  Encoder checked;
  checked.u32(kLogVersion);
  checked.u32(static_cast<std::uint32_t>(header.membership.size()));
  checked.u64(header.sequence);
  checked.u64(header.salt);
  checked.u64(header.previous.index.value);
  checked.u64(header.previous.term.value);
  checked.u64(header.chain.number);
  checked.u64(header.chain.checksum);
  checked.u64(header.sealed);
  checked.bytes(header.membership);
  Encoder out;
  out.bytes(kSegmentMagic);
  out.u64(hash64(checked.view()));
  out.bytes(checked.view());
  std::string bytes = out.take();
  bytes.resize(segment_header_bytes(header));
  return bytes;
}

Result<SegmentHeader> decode_segment_header(std::string_view file) {
  Decoder in(file);
  const auto magic = in.bytes(kSegmentMagic.size());
  const std::uint64_t checksum = in.u64();
  const std::uint32_t version = in.u32();
  const std::uint32_t membership_bytes = in.u32();
  SegmentHeader header;
  header.sequence = in.u64();
  header.salt = in.u64();
  header.previous.index.value = in.u64();
  header.previous.term.value = in.u64();
  header.chain.number = in.u64();
  header.chain.checksum = in.u64();
  header.sealed = in.u64();
  header.membership = in.bytes(membership_bytes);
  if (!in.ok() || magic != kSegmentMagic) return fail(Errc::corrupt, "no segment header");
  const auto checked = file.substr(
      kSegmentChecked, kSegmentHeaderFixed - kSegmentChecked + header.membership.size());
  if (hash64(checked) != checksum) return fail(Errc::corrupt, "segment header checksum mismatch");
  if (version > kLogVersion) return fail(Errc::invalid, "written by a newer version");
  if (version < kLogVersion || header.previous.index.value > kLogCounterMax ||
      header.chain.number > kLogCounterMax || header.sequence > kLogCounterMax)
    return fail(Errc::corrupt, "impossible segment header");
  return header;
}

std::uint64_t encoded_batch_bytes(const std::vector<raft::Entry>& entries) {
  return entries.empty() ? 0 : in_blocks(kBatchHeaderBytes + body_bytes_of(entries));
}

std::string encode_batch(ChainLink before, std::uint64_t salt,
                         const std::vector<raft::Entry>& entries, BatchContext context) {
  CHECK(!entries.empty());
  const std::uint64_t body_bytes = body_bytes_of(entries);
  CHECK(body_bytes <= std::numeric_limits<std::uint32_t>::max());
  std::string bytes;
  bytes.reserve(in_blocks(kBatchHeaderBytes + body_bytes));
  bytes.resize(kBatchHeaderBytes);
  for (const auto& entry : entries) {
    Encoder fixed;
    fixed.u64(entry.term.value);
    fixed.u8(static_cast<std::uint8_t>(entry.kind));
    fixed.u32(static_cast<std::uint32_t>(entry.payload.size()));
    bytes += fixed.view();
    bytes += entry.payload.view();
  }
  CHECK(bytes.size() == kBatchHeaderBytes + body_bytes);

  Encoder header;
  header.bytes(kBatchMagic);
  header.u32(kLogVersion);
  header.u64(before.number + 1);
  header.u64(salt);
  header.u64(entries.front().index.value);
  header.u32(static_cast<std::uint32_t>(entries.size()));
  header.u32(static_cast<std::uint32_t>(body_bytes));
  header.u64(before.checksum);
  header.u64(context.previous_term.value);
  header.u64(context.membership.value);
  header.u64(hash64(std::string_view(bytes).substr(kBatchHeaderBytes)));
  CHECK(header.size() == kBatchChecked);
  header.u64(hash64(header.view()));
  bytes.replace(0, kBatchHeaderBytes, header.view());
  bytes.resize(in_blocks(bytes.size()));
  return bytes;
}

Result<BatchHeader> decode_batch_header(std::string_view bytes) {
  Decoder in(bytes);
  if (in.bytes(kBatchMagic.size()) != kBatchMagic) return fail(Errc::corrupt, "no batch header");
  const std::uint32_t version = in.u32();
  BatchHeader header;
  header.number = in.u64();
  header.salt = in.u64();
  header.first.value = in.u64();
  header.count = in.u32();
  header.body_bytes = in.u32();
  header.chain = in.u64();
  header.context.previous_term.value = in.u64();
  header.context.membership.value = in.u64();
  header.body_checksum = in.u64();
  header.checksum = in.u64();
  if (!in.ok() || hash64(bytes.substr(0, kBatchChecked)) != header.checksum)
    return fail(Errc::corrupt, "batch header checksum mismatch");
  if (version > kLogVersion) return fail(Errc::invalid, "written by a newer version");
  if (version < kLogVersion || header.count == 0 || header.first.value == 0 ||
      header.first.value > kLogCounterMax ||
      (header.first + (header.count - 1)).value > kLogCounterMax || header.number == 0 ||
      header.number > kLogCounterMax || header.context.membership >= header.first)
    return fail(Errc::corrupt, "impossible batch header");
  return header;
}

std::uint64_t salt_of_batch(std::string_view bytes) {
  return Decoder(bytes.substr(kBatchSaltAt)).u64();
}

bool body_is_intact(const BatchHeader& header, std::string_view bytes) {
  if (bytes.size() < kBatchHeaderBytes + header.body_bytes) return false;
  return hash64(bytes.substr(kBatchHeaderBytes, header.body_bytes)) == header.body_checksum;
}

Result<std::vector<EntryView>> decode_body(const BatchHeader& header, std::string_view bytes) {
  if (bytes.size() < kBatchHeaderBytes + header.body_bytes)
    return fail(Errc::corrupt, "batch ends early");
  Decoder in(bytes.substr(kBatchHeaderBytes, header.body_bytes));
  if (header.count > header.body_bytes / kEntryFixed)
    return fail(Errc::corrupt, "batch counts more entries than it holds");
  std::vector<EntryView> entries;
  entries.reserve(header.count);
  for (std::uint32_t i = 0; i < header.count; ++i) {
    EntryView entry;
    entry.index = header.first + i;
    entry.term.value = in.u64();
    const std::uint8_t kind = in.u8();
    entry.payload = in.string();
    if (!in.ok() || kind > static_cast<std::uint8_t>(raft::EntryKind::config))
      return fail(Errc::corrupt, "malformed entry");
    entry.kind = static_cast<raft::EntryKind>(kind);
    entries.push_back(entry);
  }
  if (!in.complete()) return fail(Errc::corrupt, "bytes after the last entry");
  return entries;
}

}  // namespace lockstep::storage
