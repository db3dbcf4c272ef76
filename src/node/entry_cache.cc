#include "node/entry_cache.h"

#include <algorithm>

#include "base/check.h"

namespace lockstep::node {
namespace {

// What an entry costs in memory beside its payload, roughly.
constexpr std::uint64_t kEntryOverhead = 96;

std::uint64_t cost(const raft::Entry& entry) {
  return entry.payload.size() + kEntryOverhead;
}

}  // namespace

void EntryCache::follow(const raft::Write& write) {
  if (write.truncate_after) {
    while (!entries_.empty() && entries_.back().index > *write.truncate_after) {
      bytes_ -= cost(entries_.back());
      entries_.pop_back();
    }
  }
  for (const auto& entry : write.entries) {
    CHECK(entries_.empty() || entries_.back().index.next() == entry.index);
    bytes_ += cost(entry);
    entries_.push_back(entry);
  }
}

std::optional<std::vector<raft::Entry>> EntryCache::get(LogIndex first, std::uint64_t count) const {
  if (entries_.empty() || first < entries_.front().index) return std::nullopt;
  const std::uint64_t skip = first - entries_.front().index;
  if (skip + count > entries_.size()) return std::nullopt;
  const auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(skip);
  return std::vector<raft::Entry>(begin, begin + static_cast<std::ptrdiff_t>(count));
}

std::vector<raft::Entry> EntryCache::take(LogIndex first, LogIndex end, std::uint64_t entries_max,
                                          std::uint64_t bytes_max) const {
  std::vector<raft::Entry> taken;
  if (entries_.empty() || first < entries_.front().index) return taken;
  std::uint64_t bytes = 0;
  for (std::uint64_t i = first - entries_.front().index; i < entries_.size(); ++i) {
    const auto& entry = entries_[i];
    bytes += entry.payload.size();
    if (entry.index >= end || taken.size() == entries_max) break;
    if (!taken.empty() && bytes > bytes_max) break;
    taken.push_back(entry);
  }
  return taken;
}

void EntryCache::trim(LogIndex applied) {
  while (bytes_ > bytes_max_ && !entries_.empty() && entries_.front().index <= applied) pop_front();
}

void EntryCache::pop_front() {
  bytes_ -= cost(entries_.front());
  entries_.pop_front();
}

}  // namespace lockstep::node
