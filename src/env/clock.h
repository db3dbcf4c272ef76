// Time as a node sees it. Production: CLOCK_BOOTTIME and the system clock. Simulation: virtual time
// with a drift and steps per node.
#pragma once

#include "base/time.h"

namespace lockstep::env {

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic; constant within one turn, so that one turn is one instant. Turns only.
  [[nodiscard]] virtual TimePoint now() const = 0;
  // Wall clock, only to stamp proposals: it may jump, and no decision may rest on it. Turns only.
  [[nodiscard]] virtual WallTime wall() const = 0;
};

}  // namespace lockstep::env
