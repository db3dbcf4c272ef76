// Sweep: many seeds in several processes. A seed that crashes its process, or never ends, costs
// that process and is reported like any other violation. The only file of the simulator that knows
// POSIX.
#pragma once

#include <functional>

#include "sim/report.h"
#include "sim/sim_options.h"

namespace lockstep::sim {

// Runs all seeds of the options, calls `each` for every report in the order of their arrival, and
// stops early once `each` returns false. The bug of the options is switched on already.
void run_sweep(const SimOptions& options, const std::function<bool(const SeedReport&)>& each);

// Standard output is a terminal.
bool has_terminal();

}  // namespace lockstep::sim
