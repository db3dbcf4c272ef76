// A clock and turns that a test moves by hand.
#pragma once

#include <map>
#include <utility>

#include "env/clock.h"
#include "env/turns.h"

namespace lockstep {

class ManualClock final : public env::Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override { return {1'700'000'000'000}; }
  void advance(Duration by) { now_ += by; }

 private:
  TimePoint now_{seconds(100)};
};

// Timers run when the test says so.
class ManualTurns final : public env::Turns {
 public:
  explicit ManualTurns(ManualClock& clock) : clock_(clock) {}
  void post(env::Task task) override { timers_.emplace(clock_.now(), std::move(task)); }
  env::TimerId at(TimePoint when, env::Task task) override {
    timers_.emplace(when, std::move(task));
    return {1};
  }
  void cancel(env::TimerId) override {}
  // Advances to the earliest timer and runs it; false if there is none.
  bool run_next() {
    if (timers_.empty()) return false;
    auto first = timers_.extract(timers_.begin());
    if (first.key() > clock_.now()) clock_.advance(first.key() - clock_.now());
    first.mapped()();
    return true;
  }

 private:
  ManualClock& clock_;
  std::multimap<TimePoint, env::Task> timers_;
};

}  // namespace lockstep
