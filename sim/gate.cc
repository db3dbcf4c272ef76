#include "sim/gate.h"

#include <utility>

namespace lockstep::sim {

void Gate::pass(Wake wake, env::Task task) {
  if (!alive_) return;
  if (paused_) {
    held_.push_back({wake, std::move(task)});
    return;
  }
  // The task may end the process, and with it the last outside share of this gate.
  const auto self = shared_from_this();
  task();
  if (alive_) after_each_();
}

EventQueue::Id Gate::at(TimePoint when, Wake wake, env::Task task) {
  return queue_.at(when, [self = shared_from_this(), wake, task = std::move(task)]() mutable {
    self->pass(wake, std::move(task));
  });
}

void Gate::kill() {
  alive_ = false;
  std::exchange(held_, {}).clear();
}

void Gate::pause() {
  paused_ = true;
}

void Gate::resume(Rng& rng) {
  if (!paused_) return;
  paused_ = false;
  auto held = std::exchange(held_, {});
  const bool messages_first = rng.chance(1, 2);
  const auto rank = [messages_first](Wake wake) {
    if (wake == Wake::message) return messages_first ? 1 : 2;
    return wake == Wake::timer ? (messages_first ? 2 : 1) : 0;
  };
  for (int turn = 0; turn < 3; ++turn) {
    for (auto& each : held) {
      if (rank(each.wake) == turn) at(queue_.now(), each.wake, std::move(each.task));
    }
  }
}

}  // namespace lockstep::sim
