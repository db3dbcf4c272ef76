// Loop: the strand thread. One io_context, run by one thread, on which every turn of the node,
// every socket handler and every timer runs. It is the node's env::Clock, and env::Turns of
// whatever lasts as long as the process (what lives shorter has a TurnQueue of its own).
//
// now() is CLOCK_BOOTTIME (it goes on while the machine sleeps, so that a leader that slept knows
// it), read once at the start of a turn. Whoever calls into node code from a socket handler starts
// a turn with begin_turn().
#pragma once

#include <memory>

#include "env/clock.h"
#include "env/turns.h"

namespace boost::asio {
class io_context;
}

namespace lockstep::host {

class Loop final : public env::Clock, public env::Turns {
 public:
  Loop();
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] TimePoint now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override;
  void post(env::Task task) override;
  env::TimerId at(TimePoint when, env::Task task) override;
  void cancel(env::TimerId timer) override;

  // A turn starts here: now() is read anew.
  void begin_turn();
  // From any thread: runs `task` on the strand thread, soon; it starts its own turns.
  void post_from_any_thread(env::Task task);

  // Runs handlers until stop(). One thread only: that is the strand thread.
  void run();
  // From the strand thread or a signal handler of it: run() returns after the current handler.
  void stop();
  // Destroys all tasks and timers that did not run; later ones are destroyed at once. They may own
  // state of others, so this comes before those go.
  void drop_tasks();

  boost::asio::io_context& io();

 private:
  struct State;
  TimePoint now_;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::host
