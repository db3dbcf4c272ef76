// The durable Raft log: segments of checksummed, chained batches on blocks that were written
// before, one sync per batch. Byte format: docs/formats.md and storage/log_format.h.
//
// A batch is all or nothing: its bytes start on a 4 KiB boundary, so a synced block is never
// rewritten, and its checksum covers it whole. Recovery tells a torn tail (the last batch, never
// acknowledged: cut) from corruption (a bad batch with a later good one: Errc::corrupt, nothing is
// changed). Truncation of a conflicting tail starts a new segment whose header overrides the
// indexes from there on.
//
// Log lane only; the constructor's open() may also run before the first turn.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "env/disk.h"
#include "raft/core.h"

namespace lockstep::storage {

struct LogOptions {
  std::uint64_t segment_bytes =
      16u << 20;           // a multiple of 4096; a larger batch gets a segment of its own size
  std::uint64_t seed = 0;  // salts of new segments: differs per start
};

class RaftLog {
 public:
  struct Opened;
  // Creates or recovers the log on `disk` (which outlives it). Errc::corrupt: see above;
  // Errc::invalid: a newer format.
  static Result<Opened> open(env::Disk& disk, const LogOptions& options);
  ~RaftLog();

  // Carries out `write.truncate_after` and `write.entries` (not the hard state: VoteFile) and syncs
  // once. Success: durable. Any failure but no_space is final: the caller ends the process.
  // no_space: nothing was appended, the log is as before.
  Status append(const raft::Write& write);
  // Entries [first, end), fewer if `bytes_max` of payload is reached (at least one). Preconditions:
  // first < end, all in the log.
  Result<std::vector<raft::Entry>> read(LogIndex first, LogIndex end, std::uint64_t bytes_max);
  // Forgets whole segments that end at or below `index`.
  Status drop_through(raft::Position base);

 private:
  struct State;
  explicit RaftLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct RaftLog::Opened {
  std::unique_ptr<RaftLog> log;
  raft::Recovered recovered;  // `hard` and `commit` are left empty
  bool torn_tail_cut = false;
  // There was no segment: a first start, or a log that was taken away. A node that has a term or a
  // durable state must not go on with a created log.
  bool created = false;
};

}  // namespace lockstep::storage
