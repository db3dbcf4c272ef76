// Why a history is not linearizable, as few operations as can show it, and in words.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/check_linear.h"
#include "sim/check_search.h"

namespace lockstep::check {

// What the explanation is about. References to the caller's; none may be temporary.
struct Complaint {
  const History& history;
  const Part& part;
  Model model;
  const Value& initial;
  const Limits& limits;
};

// The first operation to return that saw a value which nobody can have written by then; nothing if
// there is none (or the model has no single values to point at).
std::optional<std::uint32_t> find_made_up(const History& history,
                                          std::span<const std::uint32_t> operations, Model model,
                                          const Value& initial);
Counterexample explain_made_up(const Complaint& complaint, std::uint32_t operation);

// Precondition: `judged` is invalid, and `problem` is complaint.part compiled.
Counterexample explain(const Complaint& complaint, const Problem& problem, const Judged& judged,
                       const std::vector<Stuck>& stuck);

// Operations (ascending) that keep `failed` impossible, made small by leaving out what is not
// needed (delta debugging; Zeller 2002). A write goes together with all that saw its value, so that
// the failure keeps its kind. `spent` counts search steps.
std::vector<std::uint32_t> minimise(const Complaint& complaint, std::uint32_t failed,
                                    std::uint64_t& spent);

}  // namespace lockstep::check
