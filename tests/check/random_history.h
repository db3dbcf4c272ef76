// Small random histories for every model: overlapping operations whose results come from a real
// store in most cases, and are wrong in some.
#pragma once

#include "base/rng.h"
#include "sim/check_problem.h"
#include "sim/history.h"

namespace lockstep::check {

struct RandomShape {
  Model model = Model::reg;
  std::uint32_t operations = 6;
  std::uint32_t clients = 3;
  std::uint32_t values = 3;  // distinct ones
  std::uint32_t keys = 1;
  std::uint32_t info_percent = 15;
  std::uint32_t wrong_percent = 10;  // of results that are replaced by a random one
  std::uint32_t ties_percent = 0;    // of moments that equal the one before
};

// Moments are distinct, except for ties.
History random_history(Rng& rng, const RandomShape& shape);

}  // namespace lockstep::check
