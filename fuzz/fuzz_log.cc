// libFuzzer target: any bytes as segment files, vote file and manifest. Opening them gives a
// Result, never a crash, and what an opened log recovered can be read, appended to and found again.
// A log that is refused can be looked at, and takes no made-up entries.
//
// Input: byte 0: bits 0-1 number of segments, bit 2 "repair checksums" (else hardly any input gets
// past them), bits 3-7 durable index; then per file a u32 length and its bytes, in the order vote,
// manifest, segments.
// Batches lie on 4 KiB boundaries, so each segment's bytes are pieces of 512, each put at the start
// of a block.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

struct Repaired {
  ChainLink chain;
  BatchContext context;
};

// What the batch at `bytes` adds to the context of the next one.
void advance(std::string_view bytes, BatchContext& context) {
  const auto header = decode_batch_header(bytes);
  if (!header) return;
  const auto entries = decode_body(*header, bytes);
  if (!entries) return;
  context.previous_term = entries->back().term;
  for (const EntryView& entry : *entries)
    if (entry.kind == raft::EntryKind::config) context.membership = entry.index;
}

// The chain is repaired, too: segments and batches follow what was before unless the input says
// otherwise in the last byte of their piece.
void repair_segment(std::string& file, std::uint64_t sequence, Repaired& log) {
  if (file.size() < kBlockBytes) return;
  const std::uint32_t membership = u32_at(file, 20) % 400;
  Encoder start;
  start.bytes("LockSegm");
  start.u64(0);
  start.u32(1);
  start.u32(membership);
  start.u64(sequence);
  file.replace(0, start.size(), start.view());
  if (static_cast<unsigned char>(file[kPiece - 1]) % 4 == 3) log = {};
  put_u64(file, 56, log.chain.number);
  put_u64(file, 64, log.chain.checksum);
  put_u64(file, 8, hash64(std::string_view(file).substr(16, 64 + membership)));
  const std::string salt = file.substr(32, 8);
  log.context = {Term{Decoder(std::string_view(file).substr(48)).u64()}, {}};
  for (std::size_t at = kBlockBytes; at + kBlockBytes <= file.size(); at += kBlockBytes) {
    if (static_cast<unsigned char>(file[at + kPiece - 1]) % 4 == 3) continue;
    const std::uint32_t body = u32_at(file, at + 36) % (kBlockBytes - kBatchHeaderBytes);
    Encoder header;
    header.bytes("LkBt");
    header.u32(1);
    header.u64(log.chain.number + 1);
    header.bytes(salt);
    file.replace(at, header.size(), header.view());
    file[at + 36] = static_cast<char>(body & 255);
    file[at + 37] = static_cast<char>(body >> 8);
    file[at + 38] = file[at + 39] = 0;
    put_u64(file, at + 40, log.chain.checksum);
    put_u64(file, at + 48, log.context.previous_term.value);
    put_u64(file, at + 56, log.context.membership.value);
    put_u64(file, at + 64, hash64(std::string_view(file).substr(at + kBatchHeaderBytes, body)));
    const std::uint64_t checksum = hash64(std::string_view(file).substr(at, 72));
    put_u64(file, at + 72, checksum);
    log.chain = {log.chain.number + 1, checksum};
    advance(std::string_view(file).substr(at), log.context);
  }
}

LogOptions options(LogIndex durable, std::uint64_t seed) {
  return {.segment_bytes = 8192, .seed = seed, .durable = {durable}};
}

raft::Position last_of(const raft::Recovered& recovered) {
  return {recovered.base.index + recovered.terms.size(),
          recovered.terms.empty() ? recovered.base.term : recovered.terms.back()};
}

// The only reason for Errc::invalid: the files say that a counter has no next value.
bool used_up(const Status& status) {
  return !status && status.error().code == Errc::invalid;
}

void check_opened(sim::SimDisk& disk, RaftLog::Opened opened, LogIndex durable) {
  const auto& recovered = opened.recovered;
  const std::uint64_t entries = recovered.terms.size();
  const raft::Position last = last_of(recovered);
  if (entries > 0) {
    const auto all =
        opened.log->read(recovered.base.index.next(), last.index.next(), std::uint64_t{1} << 40);
    CHECK(all.has_value());
    CHECK(all->size() == entries);
  }
  raft::Write write;
  write.entries.push_back(
      {last.term, last.index.next(), raft::EntryKind::command, Blob(std::string("more"))});
  const Status appended = opened.log->append(write);
  if (used_up(appended)) return;
  CHECK(appended.has_value());
  opened.log.reset();
  disk.lose_power(sim::Loss::all);
  auto again = RaftLog::open(disk, options(durable, 2));
  CHECK(again.has_value());
  CHECK(again->recovered.base == recovered.base);
  CHECK(again->recovered.base_membership == recovered.base_membership);
  CHECK(again->recovered.terms.size() == entries + 1);
  const Status begun_anew =
      again->log->reset({last.index.next(), last.term}, recovered.base_membership);
  if (used_up(begun_anew)) return;
  CHECK(begun_anew.has_value());
  again->log.reset();
  disk.lose_power(sim::Loss::all);
  const auto anew = RaftLog::open(disk, options({}, 3));
  CHECK(anew.has_value());
  CHECK(anew->recovered.base.index == last.index.next());
  CHECK(anew->recovered.terms.empty());
}

void check_refused(sim::SimDisk& disk, const std::optional<LogDamage>& damage, LogIndex durable) {
  // Without a count nobody can tell which entries would put it right: there is nothing to make up.
  if (damage && damage->count > 0) {
    std::vector<raft::Entry> made_up;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(damage->count, 100); ++i)
      made_up.push_back({Term{1}, damage->first + i, raft::EntryKind::noop, Blob()});
    const auto repaired = repair_log(disk, {durable}, made_up);
    CHECK(repaired || repaired.error().code == Errc::refused);
  }
}

void check_log(sim::SimDisk& disk, LogIndex durable) {
  const auto damage = find_log_damage(disk, {durable});
  CHECK(damage.has_value());
  auto opened = RaftLog::open(disk, options(durable, 1));
  CHECK(!opened || !*damage);
  if (opened)
    check_opened(disk, std::move(*opened), durable);
  else if (opened.error().code == Errc::corrupt)
    check_refused(disk, *damage, durable);
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
  Repaired log;
  for (std::uint64_t sequence = 1; sequence <= (mode & 3u); ++sequence) {
    std::string segment = spread(next_file());
    if (repair) repair_segment(segment, sequence, log);
    disk.put(segment_name(sequence), std::move(segment));
  }
  if (const auto file = VoteFile::open(disk, NodeId{"n1"}))
    CHECK((*file)->store({.term = (*file)->state().term, .vote = NodeId{"n2"}}).has_value());
  if (const auto file = Manifest::open(disk)) CHECK((*file)->store({}).has_value());
  check_log(disk, LogIndex{static_cast<std::uint64_t>(mode >> 3)});
  return 0;
}
