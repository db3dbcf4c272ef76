// Finale: the liveness half of a run. Faults have ended; now the cluster owes progress: one leader,
// all machines at the same index within a bound, writes that succeed at every node, exact reads,
// equal tables everywhere, and an answer to every request.
#pragma once

#include <optional>

#include "sim/judge.h"
#include "sim/workload.h"
#include "sim/world.h"

namespace lockstep::sim {

// Waits until the cluster has converged; a violation if it does not within the bound.
bool converge(World& world, Duration bound);
// Creates the tables through whichever node answers. False: not within the bound.
bool set_up(World& world, Duration bound);
// Heals the world and sees all of it through; reports to world.violations().
void run_finale(World& world, Record& record, bool is_set_up);
// What the tables hold at one node, at level none. Nothing: it did not answer.
std::optional<Tables> read_tables(World& world, std::size_t machine);

}  // namespace lockstep::sim
