// From flags to the node's options: which flag means which number.
#pragma once

#include <cstdint>
#include <string>

#include "host/flags.h"
#include "node/node.h"

namespace lockstep::host {

// What the ports turned out to be.
struct Advertised {
  std::string raft_addr;  // "host:port"
  std::string http_addr;  // "host:port"
};

// Log entries kept behind a snapshot, for slow followers.
std::uint64_t log_keep_entries(const Config& config);

// `join` is left empty. `seed` differs per start.
node::NodeOptions node_options(const Config& config, const Advertised& advertised,
                               std::uint64_t seed);

}  // namespace lockstep::host
