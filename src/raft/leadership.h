// What a node holds while it leads, and only then: made when an election is won, dropped with the
// role.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "raft/core.h"
#include "raft/progress.h"

namespace lockstep::raft {

// Linearizable reads (6.4): `waiting` shares the next round, `asked` the one under way. Bounded by
// the host, which has to answer them.
struct Reads {
  std::vector<RequestId> waiting;
  std::vector<RequestId> asked;
  LogIndex index;           // commit when the round began
  std::uint64_t round = 0;  // the newest; echoed by replies
};

struct Transfer {
  NodeId target;
  TimePoint give_up_at;
  bool told = false;  // TimeoutNow is sent; heartbeats repeat it, for it may be lost
};

struct Leadership {
  std::map<NodeId, Progress> progress;  // all members but this node
  // Voters whose log has lost what they had acknowledged, and the last of it. They do not count.
  std::map<NodeId, Position> fallen;
  TimePoint heartbeat_at;
  TimePoint quorum_check_at;
  Reads reads;
  std::optional<Transfer> transfer;

  // What this member says counts in a quorum (if it votes at all).
  [[nodiscard]] bool counts(const NodeId& id) const { return !fallen.contains(id); }
};

}  // namespace lockstep::raft
