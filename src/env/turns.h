// Turns: the node's one logical thread. A turn runs to completion and never blocks, so what is true
// at its top is true at its bottom unless the turn itself changed it. Production: handlers of one
// io_context. Simulation: events of the queue.
#pragma once

#include <cstdint>
#include <functional>

#include "base/time.h"

namespace lockstep::env {

using Task = std::move_only_function<void()>;

struct TimerId {
  std::uint64_t value = 0;  // 0 names no timer
};

class Turns {
 public:
  virtual ~Turns() = default;
  // Runs `task` as a turn of its own, after this one; tasks run in the order of their posts.
  virtual void post(Task task) = 0;
  // Runs `task` as a turn at or soon after `when` (never before). Never for kNever is a caller's
  // bug.
  virtual TimerId at(TimePoint when, Task task) = 0;
  // The timer's task is destroyed and will not run. Unknown and spent ids are ignored.
  virtual void cancel(TimerId timer) = 0;
};

}  // namespace lockstep::env
