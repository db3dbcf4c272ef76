// LogMap: what RaftLog knows in memory: where each batch stands, which of its entries are still in
// force, the end of the log and of the chain, and the memberships. Pure bookkeeping, no disk.
// Replay at start and append at run time feed it the same way.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "raft/messages.h"
#include "storage/log_format.h"

namespace lockstep::storage {

// A batch's entries are in force from `first` up to the `first` of the next place (or the log's
// end).
struct BatchPlace {
  LogIndex first;
  std::uint64_t sequence = 0;  // of its segment
  std::uint64_t offset = 0;
  BatchHeader header;
  bool checked = true;  // false only with the bug torn_tail_accepted
};

class LogMap {
 public:
  [[nodiscard]] const raft::Position& base() const { return base_; }
  [[nodiscard]] const raft::Position& last() const { return last_; }
  [[nodiscard]] ChainLink chain() const { return chain_; }
  [[nodiscard]] bool has_batches() const { return !batches_.empty(); }
  [[nodiscard]] const BatchPlace& last_batch() const { return batches_.back(); }
  // Encoded; in force at `index`. Precondition: base <= index <= last.
  [[nodiscard]] std::string_view membership_at(LogIndex index) const;

  // The log begins (again) here: with its first segment, after a reset, or behind damage.
  void start(const SegmentHeader& header);
  // A later segment: drops the entries above header.previous, and takes over its chain.
  // Precondition: header.previous.index <= last, and batches that are not in the map, if the chain
  // says there were some, hold only entries that are dropped here.
  void continue_with(const SegmentHeader& header);
  // Precondition: header.first follows last().
  void add_batch(BatchPlace place, Term last_term);
  void add_membership(LogIndex index, std::string_view encoded);
  // Forgets what lies at or below the start of `header`'s segment, now the first.
  void drop_before(const SegmentHeader& header);

  // Position in batch order; batches [0, batch_count()).
  [[nodiscard]] std::size_t batch_count() const { return batches_.size(); }
  [[nodiscard]] const BatchPlace& batch(std::size_t i) const { return batches_[i]; }
  // The batch in which `index` is in force. Precondition: base < index <= last.
  [[nodiscard]] std::size_t batch_of(LogIndex index) const;
  // One past the last index in force of that batch.
  [[nodiscard]] LogIndex batch_end(std::size_t i) const;

 private:
  raft::Position base_;
  std::string base_membership_;
  raft::Position last_;
  ChainLink chain_;
  std::deque<BatchPlace> batches_;
  std::deque<std::pair<LogIndex, std::string>> memberships_;  // ascending, above base_
};

}  // namespace lockstep::storage
