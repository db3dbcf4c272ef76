#include "sim/turns.h"

#include "base/check.h"

namespace lockstep::sim {

SimTurns::SimTurns(EventQueue& queue, const SimClock& clock, std::shared_ptr<Gate> gate, Rng rng,
                   Options options)
    : queue_(queue), clock_(clock), gate_(std::move(gate)), rng_(rng), options_(options) {}

SimTurns::~SimTurns() {
  CHECK(!gate_->alive());
}

void SimTurns::post(env::Task task) {
  posted_.push_back(std::move(task));
  gate_->at(queue_.now(), Wake::turn, [this] { run_posted(); });
}

void SimTurns::run_posted() {
  CHECK(!posted_.empty());
  env::Task task = std::move(posted_.front());
  posted_.pop_front();
  task();
}

env::TimerId SimTurns::at(TimePoint when, env::Task task) {
  CHECK(when != kNever);
  const std::uint64_t id = ++next_timer_;
  timers_.emplace(std::pair(when, id), std::move(task));
  when_of_.emplace(id, when);
  arm();
  return {id};
}

void SimTurns::cancel(env::TimerId timer) {
  const auto found = when_of_.find(timer.value);
  if (found == when_of_.end()) return;
  timers_.erase({found->second, timer.value});
  when_of_.erase(found);
  // The wake event stays: it will find nothing due and arm again.
}

void SimTurns::clock_changed() {
  wake_for_ = kNever;
  arm();
}

void SimTurns::arm() {
  if (timers_.empty()) return;
  const TimePoint first = timers_.begin()->first.first;
  if (wake_for_ <= first) return;
  queue_.cancel(wake_);
  wake_for_ = first;
  const Duration late(rng_.below(static_cast<std::uint64_t>(options_.lateness_max.count()) + 1));
  wake_ = gate_->at(clock_.virtual_time_of(first) + late, Wake::timer, [this] { fire(); });
}

void SimTurns::fire() {
  wake_for_ = kNever;
  if (timers_.empty()) return;
  const auto first = timers_.begin();
  if (first->first.first > clock_.now()) {
    arm();
    return;
  }
  env::Task task = std::move(first->second);
  when_of_.erase(first->first.second);
  timers_.erase(first);
  arm();
  task();
}

}  // namespace lockstep::sim
