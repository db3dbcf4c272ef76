// Load: drives requests over many connections from one thread and measures each. Closed loop: a
// connection sends when it was answered. Open loop: requests are due at fixed times, and latency
// counts from the due time, so that a server that stalls cannot hide it (no coordinated omission).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/latencies.h"
#include "bench/options.h"

namespace lockstep::bench {

// One request, for --log.
struct Sample {
  std::chrono::system_clock::time_point since;  // sent, or due (open loop)
  Nanos latency;
};

struct Measured {
  Latencies latencies;
  std::vector<Sample> log;  // as they were answered; empty if not asked for
  std::uint64_t errors = 0;
  std::string first_error;
  Nanos elapsed{};
  Nanos server_cpu{};  // 0 if not asked for
};

// Makes the table (and for reads its rows), then runs. Errc::io: a target is not there;
// Errc::refused: it answered an error.
Result<Measured> run_load(const Options& options);

}  // namespace lockstep::bench
