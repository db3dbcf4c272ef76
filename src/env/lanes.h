// Lanes: where blocking work is done. Each lane runs its jobs one after another, in the order of
// run(); different lanes run at the same time. Production: a thread per lane, or the strand's own
// between two turns. Simulation: events whose start and finish times are drawn.
//
// A job's `work` owns what it touches, by move, plus its lane's resource (log: the Raft log and the
// vote file; apply: the writing SQLite connection; read k: the k-th reading connection; image: the
// manifest, checkpoints and images). `done` is a turn again and alone may touch node state; it must
// re-check what may have changed meanwhile. When the node is destroyed, or crashes in simulation,
// `done` never runs.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "env/turns.h"

namespace lockstep::env {

enum class LaneKind : unsigned char { log, apply, image, read };

struct LaneId {
  LaneKind kind = LaneKind::log;
  unsigned number = 0;  // 0 for all but `read`
  friend bool operator==(LaneId, LaneId) = default;
};

class Lanes {
 public:
  virtual ~Lanes() = default;
  // Turns only. Runs `work` on the lane, then `done` as a turn. The node bounds what it queues.
  virtual void run(LaneId lane, Task work, Task done) = 0;
  // How many read lanes exist, at least 1. Constant.
  [[nodiscard]] virtual unsigned read_lanes() const = 0;
};

// lanes.run() for work that returns a value: `done` receives it.
template <class Work, class Done>
void run_on(Lanes& lanes, LaneId lane, Work work, Done done) {
  using Value = decltype(work());
  auto slot = std::make_shared<std::optional<Value>>();
  lanes.run(
      lane, [slot, work = std::move(work)]() mutable { slot->emplace(work()); },
      [slot, done = std::move(done)]() mutable { done(std::move(**slot)); });
}

}  // namespace lockstep::env
