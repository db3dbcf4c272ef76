#include "node/ticker.h"

#include <utility>

#include "base/check.h"

namespace lockstep::node {

Ticker::Ticker(const env::Env& env, Duration interval, std::function<void()> task)
    : clock_(env.clock), turns_(env.turns), interval_(interval), task_(std::move(task)) {
  CHECK(interval_ > Duration::zero());
}

void Ticker::start() {
  if (!running()) arm(interval_);
}

void Ticker::stop() {
  if (running()) turns_.cancel(timer_);
  timer_ = {};
}

void Ticker::poke() {
  stop();
  arm(Duration::zero());
}

// The next call is certain before this one begins, whatever it does.
void Ticker::arm(Duration after) {
  timer_ = turns_.at(clock_.now() + after, life_.guard([this] {
    arm(interval_);
    task_();
  }));
}

}  // namespace lockstep::node
