// Relay: two threads that take turns at being the strand thread. One runs the strand's steps; while
// it does a job itself it lends the strand, and the standby takes it over if the job lasts longer
// than a tick. So a short job costs no hop between threads, and a long one keeps nobody waiting
// for more than about two ticks. A thread that is good for nothing else after its job retires, and
// another one is started.
//
// What one strand thread wrote is visible to the next: the strand changes hands by an
// acquire-release exchange.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/time.h"

namespace lockstep::host {

class Relay {
 public:
  // What a step leaves: this thread is the strand thread still; it is not any more (lend() said
  // so); nor shall it ever be again; the strand has ended.
  enum class Next { step, standby, retire, end };

  explicit Relay(Duration tick = milliseconds(1)) : tick_(tick) {}
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Starts the strand thread, and a second one that stands by. `step` is called again and again by
  // whichever is the strand thread. Returns after a step returned `end` and every other thread has
  // returned from what it was doing.
  void run(const std::function<Next()>& step);

  // Strand thread. Whether lend() may be called: inside run(), and somebody stands by.
  [[nodiscard]] bool can_lend() const { return standby_.load(std::memory_order_acquire); }

  // Strand thread, inside a step; precondition: can_lend(). Runs `work` here. True: this is the
  // strand thread still. False: another one has been since, and the step must return `standby`
  // without touching what belongs to the strand.
  [[nodiscard]] bool lend(const std::function<void()>& work);

 private:
  enum class State : unsigned char { held, lent };

  void serve(const std::function<Next()>& step, bool holds);
  bool stand_by();
  void start_thread(const std::function<Next()>& step, bool holds);
  void retire();

  const Duration tick_;
  std::atomic<State> state_ = State::held;
  std::atomic<std::uint64_t> loans_ = 0;
  std::atomic<bool> standby_ = false;   // a thread is in stand_by()
  std::atomic<bool> watching_ = false;  // it looks every tick; else it sleeps until a loan
  std::atomic<bool> missing_ = false;   // a thread has retired; the strand thread starts another
  std::mutex mutex_;
  std::condition_variable wake_up_;
  bool ended_ = false;                // guarded by mutex_
  std::vector<std::thread> started_;  // guarded by mutex_; without those that have retired
};

}  // namespace lockstep::host
