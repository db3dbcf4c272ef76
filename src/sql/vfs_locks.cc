#include "sql/vfs_locks.h"

#include "base/check.h"

namespace lockstep::sql {
namespace {

std::uint8_t slot_mask(int first, int count) {
  CHECK(first >= 0 && count > 0 && first + count <= LockTable::kSlots);
  return static_cast<std::uint8_t>(((1u << count) - 1u) << first);
}

}  // namespace

bool LockTable::lock_file(LockHolder& holder, FileLock wanted) {
  const std::lock_guard guard(mutex_);
  if (holder.level >= wanted) return true;
  if (wanted == FileLock::shared) {
    if (file_pending_) return false;
    ++file_shared_;
    holder.level = FileLock::shared;
    return true;
  }
  CHECK(holder.level >= FileLock::shared);
  if (file_reserved_ && !holder.reserved) return false;
  if (wanted == FileLock::reserved) {
    file_reserved_ = holder.reserved = true;
    holder.level = FileLock::reserved;
    return true;
  }
  // Pending keeps new readers out while this holder waits for the old ones to leave.
  if (holder.level < FileLock::pending) {
    if (file_pending_) return false;
    file_pending_ = true;
    holder.level = FileLock::pending;
  }
  if (file_shared_ > 1) return false;
  holder.level = FileLock::exclusive;
  return true;
}

void LockTable::unlock_file(LockHolder& holder, FileLock down_to) {
  const std::lock_guard guard(mutex_);
  if (holder.level <= down_to) return;
  if (holder.level >= FileLock::pending) file_pending_ = false;
  if (holder.reserved) file_reserved_ = holder.reserved = false;
  if (down_to == FileLock::none) --file_shared_;
  holder.level = down_to;
}

bool LockTable::is_reserved() {
  const std::lock_guard guard(mutex_);
  return file_reserved_ || file_pending_;
}

bool LockTable::lock_slots(LockHolder& holder, int first, int count, bool exclusive) {
  const auto mask = slot_mask(first, count);
  const std::lock_guard guard(mutex_);
  if (!exclusive) {
    CHECK(count == 1);
    if ((holder.shared_slots & mask) != 0) return true;
    const auto slot = static_cast<std::size_t>(first);
    if (slot_exclusive_[slot]) return false;
    ++slot_shared_[slot];
    holder.shared_slots |= mask;
    return true;
  }
  for (int i = first; i < first + count; ++i) {
    const auto slot = static_cast<std::size_t>(i);
    const bool mine = ((holder.exclusive_slots >> i) & 1) != 0;
    const int own_shares = (holder.shared_slots >> i) & 1;
    if ((slot_exclusive_[slot] && !mine) || slot_shared_[slot] > own_shares) return false;
  }
  CHECK((holder.shared_slots & mask) == 0);  // SQLite never upgrades a slot
  for (int i = first; i < first + count; ++i) slot_exclusive_[static_cast<std::size_t>(i)] = true;
  holder.exclusive_slots |= mask;
  return true;
}

void LockTable::unlock_slots(LockHolder& holder, int first, int count) {
  const auto mask = slot_mask(first, count);
  const std::lock_guard guard(mutex_);
  for (int i = first; i < first + count; ++i) {
    const auto slot = static_cast<std::size_t>(i);
    if (((holder.shared_slots >> i) & 1) != 0) --slot_shared_[slot];
    if (((holder.exclusive_slots >> i) & 1) != 0) slot_exclusive_[slot] = false;
  }
  holder.shared_slots &= static_cast<std::uint8_t>(~mask);
  holder.exclusive_slots &= static_cast<std::uint8_t>(~mask);
}

void* LockTable::map(LockHolder& holder, std::size_t number, bool extend) {
  const std::lock_guard guard(mutex_);
  if (!holder.mapped) {
    holder.mapped = true;
    ++mapped_;
  }
  if (number >= regions_.size() && !extend) return nullptr;
  while (number >= regions_.size())
    regions_.push_back(std::make_unique<std::array<char, kRegionBytes>>());
  return regions_[number]->data();
}

void LockTable::unmap(LockHolder& holder) {
  const std::lock_guard guard(mutex_);
  release_all_slots(holder);
  if (!holder.mapped) return;
  holder.mapped = false;
  // The next connection rebuilds the index from the WAL file.
  if (--mapped_ == 0) regions_.clear();
}

void LockTable::release_all_slots(LockHolder& holder) {
  for (int i = 0; i < kSlots; ++i) {
    const auto slot = static_cast<std::size_t>(i);
    if (((holder.shared_slots >> i) & 1) != 0) --slot_shared_[slot];
    if (((holder.exclusive_slots >> i) & 1) != 0) slot_exclusive_[slot] = false;
  }
  holder.shared_slots = holder.exclusive_slots = 0;
}

void LockTable::barrier() {
  const std::lock_guard guard(mutex_);
}

bool LockTable::copy_index(std::uint32_t* into, std::size_t words) {
  const std::lock_guard guard(mutex_);
  if (regions_.empty()) return false;
  CHECK(words * sizeof(std::uint32_t) <= static_cast<std::size_t>(kRegionBytes));
  // SQLite changes the index, a checkpoint's progress for one, without asking for our mutex.
  const auto* const from = reinterpret_cast<const std::uint32_t*>(regions_[0]->data());
  for (std::size_t i = 0; i < words; ++i) into[i] = __atomic_load_n(from + i, __ATOMIC_ACQUIRE);
  return true;
}

void LockTable::note_failure(Error error) {
  const std::lock_guard guard(mutex_);
  if (!failure_) failure_ = std::move(error);
}

bool LockTable::has_failed() {
  const std::lock_guard guard(mutex_);
  return failure_.has_value();
}

std::optional<Error> LockTable::failure() {
  const std::lock_guard guard(mutex_);
  return failure_;
}

}  // namespace lockstep::sql
