#include "sim/disk_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace lockstep::sim {
namespace {

bool all_zero(std::string_view bytes) {
  // Equal to itself shifted by one and starting with zero: memcmp runs at memory speed.
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace

std::size_t FileImage::read(std::uint64_t offset, std::span<char> into) const {
  if (offset >= size_) return 0;
  const std::size_t total = std::min<std::uint64_t>(into.size(), size_ - offset);
  for (std::size_t done = 0; done < total;) {
    const std::uint64_t at = offset + done;
    const std::size_t inside = at % kBlock;
    const std::size_t part = std::min<std::size_t>(kBlock - inside, total - done);
    const Block& block = slots_[at / kBlock].bytes;
    if (block)
      std::memcpy(into.data() + done, block->data() + inside, part);
    else
      std::memset(into.data() + done, 0, part);
    done += part;
  }
  return total;
}

FileImage::Slot& FileImage::changing(std::uint64_t number, bool whole) {
  Slot& slot = slots_[number];
  if (slot.copy != Copy::pending) {
    Block durable;
    if (slot.copy == Copy::stray) {
      const auto found = stray_.find(number);
      CHECK(found != stray_.end());
      durable = std::move(found->second);
      stray_.erase(found);
    } else {
      Block current;
      if (slot.bytes && !whole) {
        current = std::make_unique_for_overwrite<Block::element_type>();
        *current = *slot.bytes;
      }
      durable = std::exchange(slot.bytes, std::move(current));
    }
    saved_.push_back({number, std::move(durable)});
    slot.copy = Copy::pending;
  }
  return slot;
}

void FileImage::put_bytes(std::uint64_t offset, std::string_view bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const std::uint64_t at = offset + done;
    const std::size_t inside = at % kBlock;
    const std::size_t part = std::min<std::size_t>(kBlock - inside, bytes.size() - done);
    Slot& slot = changing(at / kBlock, part == kBlock);
    if (!slot.bytes) {
      slot.bytes = std::make_unique_for_overwrite<Block::element_type>();
      if (part != kBlock) slot.bytes->fill(0);
    }
    std::memcpy(slot.bytes->data() + inside, bytes.data() + done, part);
    done += part;
  }
}

void FileImage::put_zeros(std::uint64_t offset, std::uint64_t length) {
  for (std::uint64_t done = 0; done < length;) {
    const std::uint64_t at = offset + done;
    const std::size_t inside = at % kBlock;
    const std::uint64_t part = std::min<std::uint64_t>(kBlock - inside, length - done);
    Slot& slot = changing(at / kBlock, part == kBlock);
    if (part == kBlock)
      slot.bytes.reset();
    else if (slot.bytes)
      std::memset(slot.bytes->data() + inside, 0, part);
    done += part;
  }
}

void FileImage::set_size(std::uint64_t size) {
  if (size < size_) put_zeros(size, size_ - size);
  size_ = size;
  const std::uint64_t blocks = (size + kBlock - 1) / kBlock;
  // Never shorter before the next sync: the slots know which durable bytes are saved.
  if (blocks > slots_.size()) slots_.resize(blocks);
}

void FileImage::remember(Operation operation, std::string_view bytes) {
  if (pending_bytes_.size() + bytes.size() > kPendingBytesMax ||
      pending_.size() >= kPendingOperationsMax) {
    sync();
    return;
  }
  operation.at = pending_bytes_.size();
  pending_.push_back(operation);
  pending_bytes_.append(bytes);
}

void FileImage::write(std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  if (offset + bytes.size() > size_) set_size(offset + bytes.size());
  const bool zeros = all_zero(bytes);
  if (zeros)
    put_zeros(offset, bytes.size());
  else
    put_bytes(offset, bytes);
  remember({.truncate = false, .zeros = zeros, .offset = offset, .length = bytes.size(), .at = 0},
           zeros ? std::string_view() : bytes);
}

void FileImage::truncate(std::uint64_t size) {
  set_size(size);
  remember({.truncate = true, .zeros = false, .offset = size, .length = 0, .at = 0}, {});
}

void FileImage::sync() {
  for (const Saved& saved : saved_) slots_[saved.number].copy = Copy::same;
  saved_.clear();
  pending_.clear();
  pending_bytes_.clear();
  if (pending_bytes_.capacity() > (1u << 20)) pending_bytes_.shrink_to_fit();
  durable_size_ = size_;
  const std::uint64_t blocks = (size_ + kBlock - 1) / kBlock;
  // A stray block past the end keeps its slot; its durable bytes are past the durable size.
  if (stray_.empty()) slots_.resize(blocks);
}

void FileImage::back_to_durable() {
  for (Saved& saved : saved_) slots_[saved.number] = {std::move(saved.bytes), Copy::same};
  for (auto& [number, bytes] : stray_) slots_[number] = {std::move(bytes), Copy::same};
  saved_.clear();
  stray_.clear();
  size_ = durable_size_;
  slots_.resize((size_ + kBlock - 1) / kBlock);
  // A block that strays past a size made durable later may hold bytes beyond the end.
  if (size_ % kBlock != 0 && slots_.back().bytes) {
    auto& last = *slots_.back().bytes;
    std::fill(last.begin() + static_cast<std::ptrdiff_t>(size_ % kBlock), last.end(), 0);
  }
}

void FileImage::sync_badly(Rng& rng) {
  switch (rng.below(3)) {
    case 0:
      back_to_durable();
      break;
    case 1:
      for (Saved& saved : saved_) {
        slots_[saved.number].copy = Copy::stray;
        stray_.emplace(saved.number, std::move(saved.bytes));
      }
      saved_.clear();
      break;
    default:
      sync();
      return;
  }
  pending_.clear();
  pending_bytes_.clear();
}

void FileImage::replay(const Operation& operation, std::uint64_t from, std::uint64_t length,
                       std::string_view bytes) {
  if (operation.truncate) {
    set_size(operation.offset);
    return;
  }
  if (from + length > size_) set_size(from + length);
  if (operation.zeros)
    put_zeros(from, length);
  else
    put_bytes(from, bytes.substr(operation.at + (from - operation.offset), length));
}

void FileImage::replay_torn(const Operation& operation, std::uint64_t sector,
                            std::string_view bytes, Rng& rng) {
  const std::uint64_t how = rng.below(4);
  if (how == 0) return;
  if (how == 1 || operation.truncate) {
    replay(operation, operation.offset, operation.length, bytes);
    return;
  }
  const std::uint64_t end = operation.offset + operation.length;
  const std::uint64_t size_before = size_;
  const bool size_first = rng.chance(1, 2);
  if (end > size_ && size_first) set_size(end);
  for (std::uint64_t at = operation.offset; at < end;) {
    const std::uint64_t next = std::min(end, (at / sector + 1) * sector);
    const std::uint64_t luck = rng.below(16);
    if (next <= size_) {
      if (luck < 8) {
        replay(operation, at, next - at, bytes);
      } else if (luck == 8 && at >= size_before) {
        // The size is there, the data is not: some file systems show what the block held before.
        std::string garbage(next - at, '\0');
        for (char& c : garbage) c = static_cast<char>(rng.next());
        put_bytes(at, garbage);
      }
    }
    at = next;
  }
}

void FileImage::lose(Loss loss, Rng& rng) {
  const auto operations = std::exchange(pending_, {});
  const auto bytes = std::exchange(pending_bytes_, {});
  back_to_durable();
  const std::uint64_t prefix = loss == Loss::prefix ? rng.below(operations.size() + 1) : 0;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Operation& operation = operations[i];
    switch (loss) {
      case Loss::all:
        break;
      case Loss::prefix:
        if (i < prefix) replay(operation, operation.offset, operation.length, bytes);
        break;
      case Loss::subset:
        if (rng.chance(1, 2)) replay(operation, operation.offset, operation.length, bytes);
        break;
      case Loss::torn_512:
        replay_torn(operation, 512, bytes, rng);
        break;
      case Loss::torn_4096:
        replay_torn(operation, 4096, bytes, rng);
        break;
    }
  }
  sync();
}

void FileImage::flip_bit(std::uint64_t offset, unsigned bit) {
  CHECK(offset < size_);
  CHECK(bit < 8);
  const std::uint64_t number = offset / kBlock;
  const auto flip = [&](Block& block) {
    if (!block) {
      block = std::make_unique_for_overwrite<Block::element_type>();
      block->fill(0);
    }
    (*block)[offset % kBlock] =
        static_cast<char>(static_cast<unsigned char>((*block)[offset % kBlock]) ^ (1u << bit));
  };
  flip(slots_[number].bytes);
  if (slots_[number].copy == Copy::same || offset >= durable_size_) return;
  for (Saved& saved : saved_)
    if (saved.number == number) flip(saved.bytes);
  if (const auto stray = stray_.find(number); stray != stray_.end()) flip(stray->second);
}

}  // namespace lockstep::sim
