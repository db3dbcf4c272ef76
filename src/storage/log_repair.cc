// find_log_damage() and repair_log(): healing one batch at a time with entries from peers.
#include <limits>
#include <utility>

#include "storage/log_format.h"
#include "storage/log_replay.h"
#include "storage/raft_log.h"
#include "storage/segment.h"

namespace lockstep::storage {
namespace {

constexpr std::uint64_t kBatchBytesMax = std::numeric_limits<std::uint32_t>::max();

bool are_named_by(const BrokenBatch& broken, const std::vector<raft::Entry>& entries) {
  if (entries.empty() || entries.size() != broken.count) return false;
  LogIndex next = broken.first;
  for (const auto& entry : entries) {
    if (entry.index != next) return false;
    next = next.next();
  }
  return encoded_batch_bytes(entries) < kBatchBytesMax;
}

// The batch as it stood there; Errc::refused: the entries give another one.
Result<std::string> rebuild(const BrokenBatch& broken, const std::vector<raft::Entry>& entries) {
  if (!are_named_by(broken, entries))
    return fail(Errc::refused, "raft log: these are not the entries that are missing");
  std::string bytes = encode_batch(broken.before, broken.salt, entries, broken.context);
  const auto header = decode_batch_header(bytes);
  // The header's checksum covers the body's: equal headers, equal batches.
  if (!header || header->checksum != broken.checksum ||
      (broken.bytes && bytes.size() != *broken.bytes))
    return fail(Errc::refused, "raft log: other entries stood at " + to_string(broken.first));
  return bytes;
}

}  // namespace

Result<std::optional<LogDamage>> find_log_damage(env::Disk& disk, const Covered& durable) {
  auto replayed = replay_log(disk, durable);
  if (!replayed && replayed.error().code != Errc::invalid)
    return std::unexpected(std::move(replayed).error());
  if (!replayed || !replayed->damage) return std::nullopt;
  const auto& broken = replayed->broken_batch;
  if (!broken && !replayed->image_from) return std::nullopt;
  LogDamage damage{.first = {}, .image_from = {}, .text = std::move(replayed->damage->text)};
  if (broken) {
    damage.first = broken->first;
    damage.count = broken->count;
    damage.image_from = broken->first + (broken->count - 1);
  }
  if (replayed->image_from) damage.image_from = *replayed->image_from;
  return damage;
}

Status repair_log(env::Disk& disk, const Covered& durable,
                  const std::vector<raft::Entry>& entries) {
  TRY_ASSIGN(const Replayed replayed, replay_log(disk, durable));
  if (!replayed.damage) return fail(Errc::refused, "raft log: nothing is missing");
  if (!replayed.broken_batch) return std::unexpected(*replayed.damage);
  const BrokenBatch& broken = *replayed.broken_batch;
  TRY_ASSIGN(const std::string bytes, rebuild(broken, entries));
  TRY_ASSIGN(const auto file, disk.open(segment_name(broken.sequence), env::OpenMode::existing));
  TRY(file->write(broken.offset, bytes));
  return file->sync();
}

}  // namespace lockstep::storage
