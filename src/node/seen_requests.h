// SeenRequests: the ids of requests that other nodes passed here, so that a copy of one is not
// served a second time. Bounded: of each run of a sender it knows the newest ids and takes all
// older ones for seen; of too many runs, it forgets the one that was used longest ago.
//
// An id is the sender's run in its upper half and a count in its lower one. After 2^32 requests the
// count carries into the run: that is another run, for all that matters here. Turns only.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "base/ids.h"

namespace lockstep::node {

class SeenRequests {
 public:
  // False: it was seen before, or perhaps.
  bool first_time(const NodeId& from, std::uint64_t id);

 private:
  struct Run {
    std::set<std::uint64_t> counts;  // those seen among the newest; never empty
    std::uint64_t used = 0;          // uses_ when it was used last
  };
  using Key = std::pair<NodeId, std::uint32_t>;
  void forget_oldest_run();

  std::map<Key, Run> runs_;
  std::uint64_t uses_ = 0;
};

}  // namespace lockstep::node
