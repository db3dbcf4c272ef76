// The two searches for a legal order of a Problem. They answer the same question:
//  - depth first (Wing and Gong, with Lowe's cache): quick on legal histories;
//  - breadth first (Lowe's just-in-time linearization): keeps every configuration possible at a
//    position, so it needs no luck, and on illegal histories it looks no further than the failure.
// Both are exact. Both stop when their budget is spent, and then claim nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "sim/check_problem.h"

namespace lockstep::check {

enum class Found { legal, illegal, unfinished };

// A configuration that could not pass the failing position.
struct Stuck {
  State state = 0;
  std::vector<std::uint32_t> done;  // steps open there that had taken effect

  friend bool operator==(const Stuck&, const Stuck&) = default;
};

struct Budget {
  std::uint64_t steps = 0;           // applications of an operation to a state
  std::uint64_t configurations = 0;  // kept at a time
  std::function<bool()> stop;        // polled now and then; true ends the search; may be empty
};

struct Search {
  Found found = Found::unfinished;
  std::uint64_t steps = 0;
  // illegal: index into Problem::positions of the return that no configuration can pass.
  std::uint32_t failed_at = 0;
  std::vector<Stuck> stuck;  // illegal: some of the configurations there
};

// Precondition for both: problem.slots.all <= kSlotsMax.
Search search_depth(const Problem& problem, const Budget& budget);
Search search_breadth(const Problem& problem, const Budget& budget);

}  // namespace lockstep::check
