// The durable Raft log: segments of checksummed, chained batches on blocks that were written
// before, one sync per batch. Byte format: docs/formats.md and storage/log_format.h.
//
// A batch is all or nothing: its bytes start on a 4 KiB boundary, so a synced block is never
// rewritten, and its checksum covers it whole. Recovery tells a torn tail (the last batch, never
// acknowledged: cut) from corruption (a bad batch with a later good one: Errc::corrupt, nothing is
// changed). Corruption that costs no entry that anybody needs is passed over, and the rest can be
// healed with entries from peers. Truncation of a conflicting tail starts a new segment whose
// header overrides the indexes from there on.
//
// Log lane only; the constructor's open() may also run before the first turn.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "env/disk.h"
#include "raft/core.h"
#include "storage/covered.h"
#include "storage/spares.h"

namespace lockstep::storage {

struct LogOptions {
  std::uint64_t segment_bytes =
      16u << 20;           // a multiple of 4096; a larger batch gets a segment of its own size
  std::uint64_t seed = 0;  // salts of new segments: differs per start
  // Behind damage to these entries open() lets the log begin, where term and membership are beyond
  // doubt.
  Covered durable{};
};

// Where a log is damaged beyond what open() may settle by itself: a batch that was durable holds
// these entries and can no longer be read.
struct LogDamage {
  LogIndex first;
  std::uint64_t count = 0;  // 0: nobody can tell any more what would put it right
  LogIndex image_from;      // an image of the database at this index or later makes up for it
  std::string text;         // file, offset, batch, what is wrong
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
  // Forgets whole segments that end at or below `base`, and keeps up to two of their files to be
  // written again instead of new ones. Needs no space. Any failure is final.
  Status drop_through(raft::Position base);
  // The file to write with write_spare(), beside the log, and to give to add_spare() then, so that
  // the next segment does not have to be written while everybody waits: wanted once the active one
  // is half full and none is left over from a dropped one.
  [[nodiscard]] std::optional<SpareAhead> spare_wanted() const;
  // Any failure is final.
  Status add_spare(const SpareAhead& spare);
  // Makes the log an empty one that begins after `at` (not 0), with `membership` in force there:
  // what a node does once an image of the state at `at` is its database. A crash leaves the old log
  // or the new one. Success: durable. Failure is final, as for append(): no_space means that
  // nothing has changed.
  Status reset(raft::Position at, const raft::Membership& membership);

 private:
  struct State;
  explicit RaftLog(std::unique_ptr<State> state);
  Status begin_at_image(const Covered& image, raft::Recovered& recovered);
  std::unique_ptr<State> state_;
};

// What keeps open() from succeeding, if it is damage that peers can heal; nullopt if the log is
// sound or beyond help (open() then says why). Changes nothing.
Result<std::optional<LogDamage>> find_log_damage(env::Disk& disk, const Covered& durable);
// Puts the damaged batch back from `entries` (exactly those that `damage` names, from any peer), if
// they give the very bytes that stood there: the chain of batches proves it. Errc::refused: they do
// not, nothing was changed. Success: durable. Before open().
Status repair_log(env::Disk& disk, const Covered& durable, const std::vector<raft::Entry>& entries);

struct RaftLog::Opened {
  std::unique_ptr<RaftLog> log;
  raft::Recovered recovered;   // `hard` and `commit` are left empty
  bool torn_tail_cut = false;  // a batch that had been begun stood at the end
  // There was no segment: a first start, or a log that was taken away. A node that has a term or a
  // durable state must not go on with a created log.
  bool created = false;
};

}  // namespace lockstep::storage
