// Replay: reads the segments back in order and decides where the log ends. It tells a torn tail
// (the last batch, whose sync never returned) from damage (a batch that must have been complete,
// because something was written after its sync: a later batch, a later segment, or the segment's
// own name). Reading changes nothing; settle() then makes what was found durable.
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
#include "storage/segment.h"

namespace lockstep::storage {

struct Replayed {
  LogMap map;
  std::deque<Segment> segments;          // consecutive; empty: there is no log yet
  raft::Recovered recovered;             // `hard` and `commit` are left empty
  std::optional<std::uint64_t> torn_at;  // a torn batch stands here in the last segment
  std::vector<std::string> leftovers;    // files that are not part of the log
};

// Errc::corrupt: damage, told with file, offset and batch. Errc::invalid: a newer version.
Result<Replayed> replay_log(env::Disk& disk);

// A killed process may have left its last write in the cache of the operating system, perhaps after
// a sync that failed: what we saw is not what a power loss would leave. Writes the last batch again
// (the same bytes) or wipes the torn one, and syncs file and folder. Only then may anybody rely on
// `replayed`.
Status settle(env::Disk& disk, const Replayed& replayed);

}  // namespace lockstep::storage
