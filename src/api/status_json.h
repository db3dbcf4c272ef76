// The bodies of /status and /nodes from what a node knows. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "node/node.h"

namespace lockstep::api {

// What /status shows beside the node's own status.
struct StatusExtras {
  std::string version;
  std::string http_adv_addr;
  WallTime start_time, current_time;
  Duration uptime{};
  std::vector<std::pair<std::string, std::string>> host;   // JSON by top-level name; wins
  std::vector<std::pair<std::string, std::string>> store;  // JSON by name within "store"; wins
};
std::string status_json(const node::NodeStatus& status, const StatusExtras& extras);

// The object of one member, as /nodes and /leader show it.
std::string node_json(const node::NodeStatus& status, const node::PeerStatus& peer,
                      const std::string& version);
// All members (voters only unless `non_voters`): {"nodes":[..]} sorted by id, or the older form, an
// object by id.
std::string nodes_json(const node::NodeStatus& status, const std::string& version, bool non_voters,
                       bool legacy);

}  // namespace lockstep::api
