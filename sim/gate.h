// Gate: the life of one simulated process. Every turn and every lane step of the process goes
// through it: while the process is paused they are held, once it is dead they are dropped. Events
// in the queue own a share of the gate, never of the process, so a crash may destroy the process at
// any moment between turns.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/rng.h"
#include "env/turns.h"
#include "sim/event_queue.h"

namespace lockstep::sim {

// What wakes a process. After a pause, a real one finds ready sockets and expired timers together
// and in no fixed order.
enum class Wake { turn, timer, lane, message };

class Gate : public std::enable_shared_from_this<Gate> {
 public:
  // `after_each` runs after every step that ran, while the process still lives.
  Gate(EventQueue& queue, std::function<void()> after_each)
      : queue_(queue), after_each_(std::move(after_each)) {}

  [[nodiscard]] bool alive() const { return alive_; }
  [[nodiscard]] bool paused() const { return paused_; }
  // Runs `task` now, holds it, or drops it.
  void pass(Wake wake, env::Task task);
  // Schedules pass(wake, task) at `when`.
  EventQueue::Id at(TimePoint when, Wake wake, env::Task task);

  // From here on nothing of the process runs. What was held is destroyed.
  void kill();
  void pause();
  // What was held runs as events of this moment: posts and lane steps in their order, and drawn for
  // this once whether messages or timers come first.
  void resume(Rng& rng);

 private:
  struct Held {
    Wake wake;
    env::Task task;
  };
  EventQueue& queue_;
  std::function<void()> after_each_;
  bool alive_ = true;
  bool paused_ = false;
  std::vector<Held> held_;
};

}  // namespace lockstep::sim
