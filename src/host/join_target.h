// One entry of -join: where to ask for membership, as the operator wrote it.
#pragma once

#include <string_view>

#include "base/result.h"
#include "host/address.h"

namespace lockstep::host {

struct JoinTarget {
  HostPort address;
  bool http = false;  // written with http://: certainly an HTTP address
};

// "host:port", "http://host:port", with or without a slash at the end. Errc::invalid otherwise, and
// for https (no TLS between nodes yet).
Result<JoinTarget> parse_join_target(std::string_view text);

}  // namespace lockstep::host
