// One seed, from its drawn swarm to the verdict.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "sim/judge.h"
#include "sim/trace.h"
#include "sim/violation.h"
#include "sim/workload.h"

namespace lockstep::sim {

struct RunOptions {
  unsigned scale = 1;  // how many times longer faults and clients go on
  Trace::Sink text;    // every event as text, if set
};

struct SeedReport {
  std::uint64_t seed = 0;
  std::uint64_t hash = 0;
  std::uint64_t events = 0;
  std::uint64_t strikes = 0;
  std::uint64_t leaders = 0;
  std::uint64_t images = 0;   // taken over by nodes
  std::uint64_t repairs = 0;  // begun
  std::uint64_t entries = 0;  // committed
  Duration virtual_time{};
  std::string swarm;  // for people
  std::array<Record::Count, kActs> counts{};
  Staleness staleness;
  std::optional<Violation> violation;
};

// Deterministic: the same seed and scale give the same report, in any process that has switched on
// the same bugs.
SeedReport run_seed(std::uint64_t seed, const RunOptions& options);

}  // namespace lockstep::sim
