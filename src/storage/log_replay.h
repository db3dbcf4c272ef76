// Replay: reads the segments back in order and decides where the log ends. It tells a torn tail
// (the last batch, whose sync never returned) from damage (a batch that must have been complete,
// because something was written after its sync: a later batch, a later segment, or the segment's
// own name). Damage that costs no entry in force above the durable index is passed over
// (log_replayer.h). Reading changes nothing; settle() then makes what was found durable.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "env/disk.h"
#include "raft/core.h"
#include "storage/log_map.h"
#include "storage/raft_log.h"
#include "storage/segment.h"

namespace lockstep::storage {

// A batch that was complete and cannot be read, and everything its neighbours say of it.
struct BrokenBatch {
  std::uint64_t sequence = 0;  // where it stood
  std::uint64_t offset = 0;
  std::uint64_t salt = 0;
  ChainLink before;
  BatchContext context;
  LogIndex first;
  std::uint64_t count = 0;
  std::uint64_t checksum = 0;          // of its header, and so of all of it
  std::optional<std::uint64_t> bytes;  // to the next batch; unknown if that is in another segment
};

// What stands behind the last batch, if it is neither a batch nor zeros.
struct Tail {
  std::uint64_t offset = 0;
  bool begun_here = false;  // certainly a batch of this segment: what is before it was synced
  bool torn = false;        // at least it looks like a batch
};

struct Replayed {
  LogMap map;
  std::deque<Segment> segments;             // ascending; empty: there is no log yet
  std::vector<std::uint64_t> mended;        // sequences whose header was lost and is known again
  raft::Recovered recovered;                // `hard` and `commit` are left empty
  std::optional<Tail> tail;                 // in the last segment
  std::vector<std::string> leftovers;       // files that are not part of the log
  std::vector<std::string> spares;          // files of spares (storage/spares.h)
  std::optional<Error> damage;              // stands in the way; what is above is then void
  std::optional<BrokenBatch> broken_batch;  // with damage: what would heal it
  std::optional<LogIndex> image_from;       // with damage: an image from here on makes up for it
  // The log begins behind a lost change of the membership, so that what is in force at its base is
  // not known; at the index that the image covers, it is.
  bool membership_lost = false;
};

// `durable`: LogOptions. Damage is part of the answer. Errc::invalid: a newer version.
Result<Replayed> replay_log(env::Disk& disk, const Covered& durable);

// A killed process may have left its last write in the cache of the operating system, perhaps after
// a sync that failed: what we saw is not what a power loss would leave. Writes the last batch again
// (the same bytes), wipes a torn one, writes mended headers, and syncs files and folder. Only then
// may anybody rely on `replayed`.
Status settle(env::Disk& disk, const Replayed& replayed);

}  // namespace lockstep::storage
