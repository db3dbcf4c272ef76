// The models behind compile(): what an operation of each kind does, in terms of check_layout.h.
// Preconditions are those that compile() has checked.
#pragma once

#include "sim/check_problem.h"

namespace lockstep::check {

// reg, cas_register, mutex.
Problem compile_register(const History& history, const Part& part, Model model,
                         const Value& initial);
// put, get and append on one string. Strings that are not the beginning of anything that was read
// are one state: nobody can tell them apart any more.
Problem compile_kv(const History& history, const Part& part, const Value& initial);
// Transactions of reads and writes on several keys; the state is the vector of their values.
Problem compile_multi(const History& history, const Part& part, const Value& initial);

}  // namespace lockstep::check
