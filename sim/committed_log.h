// CommittedLog: the workload's state as the committed entries make it, computed beside SQLite: what
// the tables must hold at the end, and in which order values were written, for the judges of
// histories. Entries come from what was seen on wires and disks, never from a node's answers.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/result.h"
#include "sim/history.h"
#include "sim/raft_oracle.h"
#include "sim/wire_oracle.h"

namespace lockstep::sim {

struct CommittedLog {
  std::vector<check::LoggedWrite> writes;   // of table kv, ascending index
  std::map<std::int64_t, std::int64_t> kv;  // at the end
  std::int64_t counter = 0;
  std::vector<std::int64_t> tags;  // inserted into noise, in order
};

// Errc::not_found: the content of a committed entry is not known.
Result<CommittedLog> replay_committed(const RaftOracle& raft, const WireOracle& wire);

}  // namespace lockstep::sim
