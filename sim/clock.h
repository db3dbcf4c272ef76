// SimClock: the clock of one simulated machine. Its monotonic time runs at a rate of its own, may
// change the rate and may jump forward (a suspended virtual machine); it never goes back. Its wall
// time is that plus an offset that may jump both ways. It survives the crashes of processes.
#pragma once

#include "env/clock.h"
#include "sim/event_queue.h"

namespace lockstep::sim {

class SimClock final : public env::Clock {
 public:
  struct Options {
    Duration start = seconds(1000);  // what the machine's clock shows at virtual time zero
    WallTime wall_start{1'700'000'000'000};
    std::int64_t drift_ppm = 0;  // parts per million too fast; negative: too slow
  };
  // `queue` outlives the clock.
  SimClock(const EventQueue& queue, Options options);

  [[nodiscard]] TimePoint now() const override;
  [[nodiscard]] WallTime wall() const override;

  // A virtual time at which now() >= local, the first one unless `local` is more than an hour away.
  [[nodiscard]] TimePoint virtual_time_of(TimePoint local) const;

  // Timers computed before must be computed again after these three (SimTurns::clock_changed).
  void set_drift(std::int64_t drift_ppm);
  // Precondition: by >= 0.
  void jump(Duration by);
  void jump_wall(std::int64_t by_ms) { wall_offset_ms_ += by_ms; }

 private:
  const EventQueue& queue_;
  TimePoint anchor_virtual_{};
  TimePoint anchor_local_;
  std::int64_t drift_ppm_;
  std::int64_t wall_offset_ms_;
};

}  // namespace lockstep::sim
