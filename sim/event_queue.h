// EventQueue: the one clock and the one thread of a simulated world. Events run in the order of
// (virtual time, sequence of scheduling); virtual time jumps from event to event. Nothing in the
// simulator waits.
#pragma once

#include <cstdint>
#include <map>

#include "base/time.h"
#include "env/turns.h"

namespace lockstep::sim {

class EventQueue {
 public:
  // Names a scheduled event until it has run. A default-made one names nothing.
  struct Id {
    TimePoint when{};
    std::uint64_t sequence = 0;
    friend auto operator<=>(const Id&, const Id&) = default;
  };

  [[nodiscard]] TimePoint now() const { return now_; }
  // Schedules `task`; a time in the past means now, after what is scheduled for now already.
  Id at(TimePoint when, env::Task task);
  Id after(Duration delay, env::Task task) { return at(now_ + delay, std::move(task)); }
  // The event's task is destroyed and will not run. Spent ids are ignored.
  void cancel(Id id);

  // Runs the next event; false if there is none.
  bool step();
  // Time of the next event; kNever if there is none.
  [[nodiscard]] TimePoint next_time() const;
  // Moves time forward to `when`. Precondition: no event is due before it.
  void advance(TimePoint when);
  [[nodiscard]] std::uint64_t events_run() const { return events_run_; }

 private:
  TimePoint now_{};
  std::uint64_t sequence_ = 0;
  std::uint64_t events_run_ = 0;
  std::map<Id, env::Task> events_;
};

}  // namespace lockstep::sim
