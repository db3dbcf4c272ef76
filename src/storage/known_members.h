// Who the other members are, as far as any readable part of a log says. For a node that cannot open
// its log and looks for help: a hint where to ask, never a basis for a decision.
#pragma once

#include "env/disk.h"
#include "raft/membership.h"

namespace lockstep::storage {

// The last membership that can be read, in the order of the log's files; empty if there is none.
// Changes nothing. Before the first turn.
raft::Membership known_members(env::Disk& disk);

}  // namespace lockstep::storage
