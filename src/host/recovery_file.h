// <data folder>/raft/peers.json: how an operator says with which members the cluster goes on after
// its quorum was lost for good. The same file on every survivor; read at start, renamed to
// peers.info once it is done.
//   [{"id": "1", "address": "host:port", "non_voter": false}]
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "host/node_options.h"
#include "node/node.h"
#include "raft/membership.h"

namespace lockstep::host {

// The members in the text of such a file. Errc::invalid, in one line: not JSON of this form, no
// members, an id or address missing or named twice, an address that is not host:port, no voter.
Result<raft::Membership> parse_recovery_members(std::string_view text);

// The file in this data folder; nothing if there is none. Errc::invalid as above, with the file's
// name; also if the members are not those a node called `self` at `raft_addr` could go on with.
// Errc::io: it cannot be read.
Result<std::optional<raft::Membership>> read_recovery_file(const std::string& data_folder,
                                                           const NodeId& self,
                                                           const std::string& raft_addr);

// The cluster goes on with these members: the node has them, and knows a leader.
bool is_recovered(const node::NodeStatus& status, const raft::Membership& members);

// Renames the file to peers.info, durably.
Status finish_recovery_file(const std::string& data_folder);

}  // namespace lockstep::host
