#include "sql/wal_tail.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace lockstep::sql {

std::size_t WalTail::write(std::uint64_t offset, std::string_view bytes) {
  const Held held(lock_);
  if (!exists_ || offset + bytes.size() <= base_) return bytes.size();
  const std::size_t before = offset < base_ ? base_ - offset : 0;
  const std::uint64_t at = offset + before - base_;
  const std::string_view part = bytes.substr(before);
  if (bytes_.size() < at + part.size()) bytes_.resize(at + part.size());
  bytes_.replace(at, part.size(), part);
  return before;
}

void WalTail::begin(std::uint64_t offset) {
  const Held held(lock_);
  CHECK(!exists_);
  exists_ = true;
  base_ = offset;
}

bool WalTail::empty() {
  const Held held(lock_);
  return !exists_;
}

bool WalTail::is_too_long() {
  const Held held(lock_);
  return bytes_.size() > kBytesMax;
}

Status WalTail::flush(env::File& wal) {
  if (empty()) return {};
  // Nobody else changes it. The bytes are in both places for a moment, and equal.
  TRY(wal.write(base_, bytes_));
  clear();
  return {};
}

void WalTail::clear() {
  const Held held(lock_);
  exists_ = false;
  bytes_ = {};
}

Result<std::size_t> WalTail::read(env::File& wal, std::uint64_t offset, std::span<char> into) {
  TRY_ASSIGN(const std::size_t got, wal.read(offset, into));
  if (got == into.size()) return got;
  {
    const Held held(lock_);
    if (exists_) {
      const std::uint64_t tail_end = base_ + bytes_.size();
      const std::uint64_t end = std::min(offset + into.size(), tail_end);
      if (end <= base_ || end <= offset) return got;
      const std::uint64_t from = std::max(offset, base_);
      std::memcpy(into.data() + (from - offset), bytes_.data() + (from - base_), end - from);
      return end - offset;
    }
  }
  // Between the two looks it may have gone to the file.
  return wal.read(offset, into);
}

Result<std::uint64_t> WalTail::size(env::File& wal) {
  {
    const Held held(lock_);
    if (exists_) return base_ + bytes_.size();
  }
  return wal.size();
}

}  // namespace lockstep::sql
