// A clock and turns that a test moves by hand.
#pragma once

#include <cstdint>
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
  void post(env::Task task) override { at(clock_.now(), std::move(task)); }
  env::TimerId at(TimePoint when, env::Task task) override {
    timers_.emplace(std::pair{when, ++last_id_}, std::move(task));
    return {last_id_};
  }
  void cancel(env::TimerId timer) override {
    std::erase_if(timers_, [&](const auto& each) { return each.first.second == timer.value; });
  }
  // Advances to the earliest timer and runs it; false if there is none.
  bool run_next() {
    if (timers_.empty()) return false;
    auto first = timers_.extract(timers_.begin());
    const TimePoint when = first.key().first;
    if (when > clock_.now()) clock_.advance(when - clock_.now());
    first.mapped()();
    return true;
  }
  // How many are waiting to run.
  [[nodiscard]] std::size_t waiting() const { return timers_.size(); }

 private:
  ManualClock& clock_;
  std::uint64_t last_id_ = 0;
  std::map<std::pair<TimePoint, std::uint64_t>, env::Task> timers_;
};

}  // namespace lockstep
