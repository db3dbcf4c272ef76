// libFuzzer target: any bytes as segment files, vote file and manifest. Opening them gives a
// Result, never a crash, and what an opened log recovered can be read, appended to and found again.
//
// Input: byte 0: bits 0-1 number of segments, bit 2 "repair checksums" (else hardly any input gets
// past them); then per file a u32 length and its bytes, in the order vote, manifest, segments.
// Batches lie on 4 KiB boundaries, so each segment's bytes are pieces of 512, each put at the start
// of a block.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/codec.h"
#include "base/hash.h"
#include "sim/disk.h"
#include "storage/log_format.h"
#include "storage/manifest.h"
#include "storage/raft_log.h"
#include "storage/segment.h"
#include "storage/slots.h"
#include "storage/vote_file.h"

namespace {

using namespace lockstep;
using namespace lockstep::storage;

constexpr std::size_t kPiece = 512;
constexpr std::size_t kFileMax = 64 * 1024;

void put_u64(std::string& bytes, std::size_t at, std::uint64_t value) {
  Encoder out;
  out.u64(value);
  if (at + out.size() <= bytes.size()) bytes.replace(at, out.size(), out.view());
}

std::uint32_t u32_at(const std::string& bytes, std::size_t at) {
  return Decoder(std::string_view(bytes).substr(std::min(at, bytes.size()))).u32();
}

std::string spread(std::string_view bytes) {
  std::string file;
  for (std::size_t at = 0; at < bytes.size() && file.size() < kFileMax; at += kPiece) {
    file.append(bytes.substr(at, kPiece));
    file.resize(in_blocks(file.size()));
  }
  return file;
}

// Magic, version and checksum as they should be over whatever the input put in between.
void repair_slots(std::string& file, std::string_view magic) {
  for (std::size_t slot = 0; slot + kSlotBytes <= file.size(); slot += kSlotBytes) {
    const std::uint32_t length = u32_at(file, slot + 20) % (kSlotPayloadMax + 1);
    file.replace(slot, 8, magic);
    Encoder fields;
    fields.u32(1);
    fields.u32(length);
    file.replace(slot + 16, 8, fields.view());
    put_u64(file, slot + 8, hash64(std::string_view(file).substr(slot + 16, 16 + length)));
  }
}

// The chain is repaired, too: each batch follows the one before it unless the input says otherwise
// in its last byte.
void repair_segment(std::string& file, std::uint64_t sequence, ChainLink& chain) {
  if (file.size() < kBlockBytes) return;
  const std::uint32_t membership = u32_at(file, 20) % 400;
  Encoder start;
  start.bytes("LockSegm");
  start.u64(0);
  start.u32(1);
  start.u32(membership);
  start.u64(sequence);
  file.replace(0, start.size(), start.view());
  put_u64(file, 56, chain.number);
  put_u64(file, 64, chain.checksum);
  put_u64(file, 8, hash64(std::string_view(file).substr(16, 64 + membership)));
  const std::string salt = file.substr(32, 8);
  for (std::size_t at = kBlockBytes; at + kBlockBytes <= file.size(); at += kBlockBytes) {
    if (static_cast<unsigned char>(file[at + kPiece - 1]) % 4 == 3) continue;
    const std::uint32_t body = u32_at(file, at + 36) % (kBlockBytes - kBatchHeaderBytes);
    Encoder header;
    header.bytes("LkBt");
    header.u32(1);
    header.u64(chain.number + 1);
    header.bytes(salt);
    file.replace(at, header.size(), header.view());
    file[at + 36] = static_cast<char>(body & 255);
    file[at + 37] = static_cast<char>(body >> 8);
    file[at + 38] = file[at + 39] = 0;
    put_u64(file, at + 40, chain.checksum);
    put_u64(file, at + 48, hash64(std::string_view(file).substr(at + kBatchHeaderBytes, body)));
    put_u64(file, at + 56, hash64(std::string_view(file).substr(at, 56)));
    chain = {chain.number + 1, hash64(std::string_view(file).substr(at, 56))};
  }
}

void check_log(sim::SimDisk& disk) {
  std::uint64_t entries = 0;
  raft::Position last;
  {
    auto opened = RaftLog::open(disk, {.segment_bytes = 8192, .seed = 1});
    if (!opened) return;
    const auto& recovered = opened->recovered;
    entries = recovered.terms.size();
    last = {recovered.base.index + entries,
            entries == 0 ? recovered.base.term : recovered.terms.back()};
    if (entries > 0) {
      const auto all =
          opened->log->read(recovered.base.index.next(), last.index.next(), std::uint64_t{1} << 40);
      CHECK(all.has_value());
      CHECK(all->size() == entries);
    }
    raft::Write write;
    write.entries.push_back(
        {last.term, last.index.next(), raft::EntryKind::command, Blob(std::string("more"))});
    CHECK(opened->log->append(write).has_value());
  }
  disk.lose_power(sim::Loss::all);
  const auto again = RaftLog::open(disk, {.segment_bytes = 8192, .seed = 2});
  CHECK(again.has_value());
  CHECK(again->recovered.terms.size() == entries + 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Decoder in(std::string_view(reinterpret_cast<const char*>(data), size));
  const std::uint8_t mode = in.u8();
  const bool repair = (mode & 4) != 0;
  const auto next_file = [&] {
    return std::string(in.bytes(std::min<std::size_t>(in.u32() % kFileMax, in.remaining())));
  };
  sim::SimDisk disk{Rng(1)};
  std::string vote = next_file();
  std::string manifest = next_file();
  if (repair) {
    vote = spread(vote);
    manifest = spread(manifest);
    repair_slots(vote, "LockVote");
    repair_slots(manifest, "LockMani");
  }
  disk.put("vote", std::move(vote));
  disk.put("manifest", std::move(manifest));
  ChainLink chain;
  for (std::uint64_t sequence = 1; sequence <= (mode & 3u); ++sequence) {
    std::string segment = spread(next_file());
    if (repair) repair_segment(segment, sequence, chain);
    disk.put(segment_name(sequence), std::move(segment));
  }
  if (const auto file = VoteFile::open(disk, NodeId{"n1"}))
    CHECK((*file)->store({.term = (*file)->state().term, .vote = NodeId{"n2"}}).has_value());
  if (const auto file = Manifest::open(disk)) CHECK((*file)->store({}).has_value());
  check_log(disk);
  return 0;
}
