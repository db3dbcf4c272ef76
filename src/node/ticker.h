// Ticker: does something again and again, in turns, for as long as there is reason to. Whoever
// waits for a peer, a lane or a deadline has one that looks whether it still has to: a chain of
// timers that its own task must lengthen ends for good on the one path that forgets to.
//
// Turns only. The task may call any of these; the owner may go at any moment between turns.
#pragma once

#include <functional>

#include "env/env.h"
#include "node/lifeline.h"

namespace lockstep::node {

class Ticker {
 public:
  // While it runs, `task` is called once per `interval`, each time as a turn of its own.
  Ticker(const env::Env& env, Duration interval, std::function<void()> task);

  // Runs from now on; the first call comes after an interval. Nothing if it runs already.
  void start();
  // No further call, until start().
  void stop();
  // Runs, and the next call comes as soon as a turn can; the interval counts from there.
  void poke();
  [[nodiscard]] bool running() const { return timer_.value != 0; }

 private:
  void arm(Duration after);

  env::Clock& clock_;
  env::Turns& turns_;
  const Duration interval_;
  const std::function<void()> task_;
  env::TimerId timer_;  // none: it does not run
  Lifeline life_;
};

}  // namespace lockstep::node
