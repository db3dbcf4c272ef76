// The definition of linearizability, written down as directly as possible: try every order. For
// histories of a handful of operations; the yardstick of the real checker.
#pragma once

#include "sim/check_problem.h"
#include "sim/history.h"

namespace lockstep::check {

// An operation that is ok but open need not happen, but has its result. Precondition: at most 12
// operations.
bool brute_force_linearizable(const History& history, Model model, const Value& initial);

// The first return (as operation number) at which no order of what has been called by then is left;
// nothing if the history is linearizable. Operations still open then may or may not have happened.
std::optional<std::uint32_t> brute_force_first_failure(const History& history, Model model,
                                                       const Value& initial);

}  // namespace lockstep::check
