// BatchCache: batches of the log that were read in part and will be asked for again at once. A
// follower far behind is sent a large batch in many messages; without this, each would read, check
// and decode all of it. Bounded in number and bytes. Log lane.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "storage/log_map.h"

namespace lockstep::storage {

// A batch as it was read and checked; the entries' payloads point into its bytes.
struct DecodedBatch {
  std::string bytes;
  std::vector<EntryView> entries;
};

class BatchCache {
 public:
  // Null if it is not here.
  [[nodiscard]] std::shared_ptr<const DecodedBatch> find(const BatchPlace& place) const;
  // Keeps it, and lets go of the one that was kept first if there are too many. One too large to be
  // kept is not.
  void keep(const BatchPlace& place, std::shared_ptr<const DecodedBatch> batch);

 private:
  // A batch's number and checksum: no two batches of a log share both.
  struct Kept {
    std::uint64_t number = 0;
    std::uint64_t checksum = 0;
    std::shared_ptr<const DecodedBatch> batch;
  };
  std::deque<Kept> kept_;
};

}  // namespace lockstep::storage
