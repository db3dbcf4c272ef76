// TurnQueue: env::Turns on a Loop: posted tasks in their order, timers by boot time. A loop may
// carry several; each owner drops what it left in its own, because tasks may own its state and must
// go before that does.
#pragma once

#include <memory>

#include "env/turns.h"

namespace lockstep::host {

class Loop;

// Strand thread only.
class TurnQueue final : public env::Turns {
 public:
  // The loop's io_context outlives this object.
  explicit TurnQueue(Loop& loop);
  ~TurnQueue() override;  // drop()
  TurnQueue(const TurnQueue&) = delete;
  TurnQueue& operator=(const TurnQueue&) = delete;

  void post(env::Task task) override;
  env::TimerId at(TimePoint when, env::Task task) override;
  void cancel(env::TimerId timer) override;

  // Destroys all tasks and timers that did not run; later ones are destroyed at once.
  void drop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lockstep::host
