// EntryCache: the newest log entries in memory, so that followers and the applier are served
// without touching the disk. Always contiguous and ending at the log's end; bounded in bytes,
// except for entries that are not applied yet.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "raft/core.h"

namespace lockstep::node {

class EntryCache {
 public:
  explicit EntryCache(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // Follows what the core wrote: drops what `write` truncates, then appends its entries.
  void follow(const raft::Write& write);
  // Entries [first, first + count) if all of them are here, else nullopt.
  [[nodiscard]] std::optional<std::vector<raft::Entry>> get(LogIndex first,
                                                            std::uint64_t count) const;
  // As many entries from `first` on as are here, below `end`, within both bounds (at least one).
  // Empty: not here.
  [[nodiscard]] std::vector<raft::Entry> take(LogIndex first, LogIndex end,
                                              std::uint64_t entries_max,
                                              std::uint64_t bytes_max) const;
  // Forgets the oldest entries beyond the bound, but none above `applied`.
  void trim(LogIndex applied);

 private:
  void pop_front();
  const std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::deque<raft::Entry> entries_;
};

}  // namespace lockstep::node
