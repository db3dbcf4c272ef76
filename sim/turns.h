// SimTurns: the turns and timers of one simulated process. Timers fire by the machine's own clock,
// a drawn moment late. Owns the tasks: destroying it destroys them unrun, as a crash does.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "base/rng.h"
#include "env/turns.h"
#include "sim/clock.h"
#include "sim/gate.h"

namespace lockstep::sim {

class SimTurns final : public env::Turns {
 public:
  struct Options {
    Duration lateness_max = microseconds(200);
  };
  // `queue` and `clock` outlive it; it is destroyed only when `gate` was killed.
  SimTurns(EventQueue& queue, const SimClock& clock, std::shared_ptr<Gate> gate, Rng rng,
           Options options);
  ~SimTurns() override;

  void post(env::Task task) override;
  env::TimerId at(TimePoint when, env::Task task) override;
  void cancel(env::TimerId timer) override;

  // The clock jumped or changed its rate.
  void clock_changed();

 private:
  void arm();
  void fire();
  void run_posted();

  EventQueue& queue_;
  const SimClock& clock_;
  std::shared_ptr<Gate> gate_;
  Rng rng_;
  Options options_;
  std::deque<env::Task> posted_;
  std::uint64_t next_timer_ = 0;
  std::map<std::pair<TimePoint, std::uint64_t>, env::Task> timers_;
  std::map<std::uint64_t, TimePoint> when_of_;
  EventQueue::Id wake_;
  TimePoint wake_for_ = kNever;  // the timer that wake_ was computed for
};

}  // namespace lockstep::sim
