// The command line of lockstep-sim.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bugs.h"
#include "base/result.h"

namespace lockstep::sim {

struct SimOptions {
  std::uint64_t first_seed = 1;
  std::uint64_t last_seed = 1;
  bool single = false;  // --seed: report at length
  bool help = false;
  bool list_bugs = false;
  bool verbose = false;  // every event as text on standard error
  bool twice = false;    // each seed two times; the hashes must agree
  unsigned jobs = 0;     // processes; 0: as many as there are processors
  unsigned scale = 1;
  unsigned limit_s = 60;  // seconds of real time that a seed may take
  Bug bug = Bug::none;
};

// Errc::invalid: one line saying what is wrong.
Result<SimOptions> parse_sim_options(const std::vector<std::string>& arguments);
std::string_view sim_usage();
// The command that replays one seed under these options.
std::string replay_command(const SimOptions& options, std::uint64_t seed);

}  // namespace lockstep::sim
