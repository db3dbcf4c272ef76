#include "storage/slots.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/codec.h"
#include "base/hash.h"

namespace lockstep::storage {
namespace {

constexpr std::size_t kCheckedFrom = 16;
constexpr std::size_t kPayloadFrom = 32;
constexpr std::uint64_t kSequenceMax = std::uint64_t{1} << 62;

struct Slot {
  std::uint64_t sequence = 0;
  std::uint32_t version = 0;
  std::string_view payload;
};

// Errc::corrupt: no good slot. Errc::invalid: a good one of a newer version.
Result<Slot> decode_slot(std::string_view bytes, std::string_view magic,
                         std::uint32_t version_max) {
  Decoder in(bytes);
  const auto found_magic = in.bytes(magic.size());
  const std::uint64_t checksum = in.u64();
  Slot slot;
  slot.version = in.u32();
  const std::uint32_t length = in.u32();
  slot.sequence = in.u64();
  slot.payload = in.bytes(length);
  if (!in.ok() || found_magic != magic) return fail(Errc::corrupt, "no slot");
  if (hash64(bytes.substr(kCheckedFrom, kPayloadFrom - kCheckedFrom + length)) != checksum)
    return fail(Errc::corrupt, "slot checksum mismatch");
  if (slot.version > version_max) return fail(Errc::invalid, "written by a newer version");
  if (slot.version < 1 || slot.sequence > kSequenceMax)
    return fail(Errc::corrupt, "impossible slot");
  return slot;
}

}  // namespace

std::string Slots::encode() const {
  Encoder checked;
  checked.u32(version_max_);
  checked.u32(static_cast<std::uint32_t>(payload_.size()));
  checked.u64(sequence_);
  checked.bytes(payload_);
  Encoder out;
  out.bytes(magic_);
  out.u64(hash64(checked.view()));
  out.bytes(checked.view());
  std::string bytes = out.take();
  CHECK(bytes.size() <= kSlotBytes);
  bytes.resize(kSlotBytes);
  return bytes;
}

Result<Slots> Slots::open(env::Disk& disk, std::string name, Kind kind, std::string_view initial) {
  CHECK(kind.magic.size() == 8);
  Slots slots(std::move(name), kind);
  auto file = disk.open(slots.name_, env::OpenMode::existing);
  if (!file && file.error().code == Errc::not_found) {
    TRY(slots.create(disk, initial));
    return slots;
  }
  if (!file) return std::unexpected(std::move(file).error());
  slots.file_ = std::move(*file);
  TRY(slots.read());
  return slots;
}

Status Slots::settle(env::Disk& disk) {
  CHECK(version_ == version_max_);
  TRY(write_both());
  return disk.sync_dir();
}

Status Slots::create(env::Disk& disk, std::string_view initial) {
  if (initial.size() > kSlotPayloadMax) return fail(Errc::invalid, name_ + ": state too long");
  const std::string unfinished = "tmp." + name_;
  TRY_ASSIGN(file_, disk.open(unfinished, env::OpenMode::create));
  TRY(file_->truncate(0));
  payload_ = initial;
  TRY(write_both());
  TRY(disk.rename(unfinished, name_));
  return disk.sync_dir();
}

Status Slots::read() {
  std::string bytes(2 * kSlotBytes, '\0');
  TRY_ASSIGN(const std::size_t got, file_->read(0, bytes));
  const std::string_view all = std::string_view(bytes).substr(0, got);
  bool found = false;
  for (unsigned i = 0; i < 2; ++i) {
    const auto slot =
        decode_slot(all.substr(std::min(got, i * kSlotBytes), kSlotBytes), magic_, version_max_);
    if (!slot) {
      if (slot.error().code == Errc::invalid)
        return fail(Errc::invalid, name_ + ": " + slot.error().text);
      continue;
    }
    if (found && slot->sequence < sequence_) continue;
    found = true;
    sequence_ = slot->sequence;
    version_ = slot->version;
    payload_ = slot->payload;
    older_ = 1 - i;
  }
  if (!found) return fail(Errc::corrupt, name_ + ": both slots are damaged");
  return {};
}

Status Slots::store(std::string_view payload) {
  if (payload.size() > kSlotPayloadMax) return fail(Errc::invalid, name_ + ": state too long");
  payload_ = payload;
  version_ = version_max_;
  return write_both();
}

Status Slots::write_both() {
  if (failed_) return fail(Errc::io, name_ + ": an earlier write failed");
  failed_ = true;  // until both slots are durable
  for (int copy = 0; copy < 2; ++copy) {
    ++sequence_;
    TRY(file_->write(older_ * kSlotBytes, encode()));
    TRY(file_->sync());
    older_ = 1 - older_;
  }
  failed_ = false;
  return {};
}

}  // namespace lockstep::storage
