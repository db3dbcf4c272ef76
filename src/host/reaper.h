// Reaper: which members a leader should remove because nobody has heard of them for long. A
// decision alone, from what the node sees; carrying it out is the caller's.
//
// The time starts when this node leads and first sees the member silent, and starts anew with every
// term: a new leader knows nothing of how long it was before.
#pragma once

#include <map>
#include <optional>

#include "base/time.h"
#include "node/node.h"

namespace lockstep::host {

class Reaper {
 public:
  // After so much silence; 0: never.
  struct Options {
    Duration voters{};
    Duration read_replicas{};
  };
  explicit Reaper(Options options) : options_(options) {}

  // The member to remove now, one at a time. Asked again, it names the same one until that is gone
  // or is heard of.
  std::optional<NodeId> look(const node::NodeStatus& status, TimePoint now);

 private:
  Options options_;
  Term term_;
  std::map<NodeId, TimePoint> silent_since_;
};

}  // namespace lockstep::host
