// Lays the operations of a Problem out in time: positions, bits, and who is open when. Shared by
// the models, which only say what each operation does.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "sim/check_problem.h"

namespace lockstep::check {

inline constexpr std::uint32_t kForever = 0xffff'ffff;

// What a model says of one operation. `code`, `a`, `b` as in Candidate.
struct Step {
  std::uint32_t operation = 0;  // of the history
  Code code = Code::write;
  State a = 0;
  State b = 0;
  bool pure = false;           // never changes the state
  bool maybe = false;          // need not happen
  bool hides = false;          // see Candidate
  std::uint64_t sameness = 0;  // equal for operations that do the same
  // Filled in by number_positions(): position numbers start at 1.
  std::uint32_t first = 0;        // the first position at which it is open
  std::uint32_t last = kForever;  // the position of its own return; kForever: none
};

// An operation that is ok but open is one of a history that was cut short: it need not happen
// before the cut, but its result is known.
inline bool need_not_happen(const Operation& o) {
  return o.outcome == Outcome::info || o.returned == kOpen;
}

// Sets `first` and `last` of every step.
void number_positions(const History& history, std::vector<Step>& steps);
// Fills operations, positions, writers, readers and slots. `steps` must be numbered.
void lay_out(const std::vector<Step>& steps, Problem& problem);

}  // namespace lockstep::check
