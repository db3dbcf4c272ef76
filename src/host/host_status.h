// The parts of GET /status that only the host knows (contract 1.7: "os", "runtime", "http"), as
// JSON objects by name.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "host/flags.h"

namespace lockstep::host {

struct HostFacts {
  std::string http_bind_addr;
  std::string http_allow_origin;  // "": none
  std::string raft_adv_addr;
  std::uint64_t http_connections = 0;
  std::uint64_t http_requests = 0;
  std::uint64_t peer_links = 0;
  std::uint64_t frames_dropped = 0;
};

std::vector<std::pair<std::string, std::string>> host_status(const HostFacts& facts);

// What the object "store" of that page says of the configuration, as JSON by name.
std::vector<std::pair<std::string, std::string>> store_status(const Config& config);

}  // namespace lockstep::host
