// What may be believed of a message before anything is done with it. Bytes come from the network:
// a malformed message is dropped like a lost one.
#pragma once

#include "base/ids.h"
#include "raft/messages.h"

namespace lockstep::raft {

// Addressed to `self` by somebody else, and consistent in itself: an append's entries are
// consecutive, of non-decreasing terms within [prev, message], and its configurations decode; an
// image is offered at an entry of a term that the leader may have.
bool is_well_formed(const Message& message, const NodeId& self);

}  // namespace lockstep::raft
