// Loop: the strand. One io_context, run by one thread at a time, on which every turn of the node,
// every socket handler and every timer runs. It is the node's env::Clock, and env::Turns of
// whatever lasts as long as the process (what lives shorter has a TurnQueue of its own).
//
// When nothing is ready the strand thread does short jobs itself (IdleJob); if one turns out to be
// long, another thread becomes the strand thread (host/relay.h).
//
// now() is CLOCK_BOOTTIME (it goes on while the machine sleeps, so that a leader that slept knows
// it), read once at the start of a turn. Whoever calls into node code from a socket handler starts
// a turn with begin_turn().
#pragma once

#include <cstdint>
#include <memory>

#include "env/clock.h"
#include "env/turns.h"

namespace boost::asio {
class io_context;
}

namespace lockstep::host {

// A job that the strand thread may do itself, or else its owner has done elsewhere.
class IdleJob {
 public:
  virtual ~IdleJob() = default;
  // Strand thread, between turns: work_here() comes next.
  virtual void begin_here() = 0;
  // Off the turns, with the strand lent: touches nothing that belongs to the strand.
  virtual void work_here() = 0;
  // work_here() has returned, and this is a turn.
  virtual void done_here() = 0;
  // work_here() has returned, but the strand is another thread's now. Not a turn. False: this
  // thread must do nothing any more.
  [[nodiscard]] virtual bool done_late() = 0;
  // Strand thread, in the middle of a turn maybe: too much else is ready, or nobody stands by. The
  // owner has it done elsewhere.
  virtual void pass_on() = 0;
};

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
  // How many turns have started.
  [[nodiscard]] std::uint64_t turn() const { return turn_; }

  // Strand thread. `job` waits until nothing else is ready, then runs here; or is passed on once
  // that takes too many turns. False, and nothing happens: jobs cannot run here for now.
  [[nodiscard]] bool offer(IdleJob& job);
  // Strand thread. Neither runs nor is passed on any more, if it was waiting.
  void withdraw(IdleJob& job);
  // From any thread: runs `task` on the strand thread, soon; it starts its own turns.
  void post_from_any_thread(env::Task task);

  // Runs handlers until stop(), on this thread or one that it starts, never on both at a time. Jobs
  // that run here by then are waited for.
  void run();
  // Strand thread: run() returns after the current handler.
  void stop();
  // Destroys all tasks and timers that did not run; later ones are destroyed at once. They may own
  // state of others, so this comes before those go.
  void drop_tasks();

  boost::asio::io_context& io();

 private:
  struct State;
  void pass_all_on();
  TimePoint now_;
  std::uint64_t turn_ = 0;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::host
