#include "host/relay.h"

#include <pthread.h>

#include <thread>

#include "base/check.h"

namespace lockstep::host {

namespace {

// Ticks without a loan after which the standby stops looking.
constexpr int kQuietTicksMax = 16;

}  // namespace

void Relay::run(const std::function<Next()>& step) {
  {
    const std::lock_guard lock(mutex_);
    ended_ = false;
  }
  std::thread other([this, &step] { serve(step, false); });
  (void)::pthread_setname_np(other.native_handle(), "standby");
  serve(step, true);
  other.join();
}

void Relay::serve(const std::function<Next()>& step, bool holds) {
  while (holds || stand_by()) {
    const Next next = step();
    holds = next == Next::step;
    if (next != Next::end) continue;
    const std::lock_guard lock(mutex_);
    ended_ = true;
    wake_up_.notify_all();
    return;
  }
}

bool Relay::lend(const std::function<void()>& work) {
  CHECK(can_lend());
  // Counted before watching_ is read; the standby stops watching before it counts for the last
  // time (stand_by()). One of the two sees the other.
  loans_.fetch_add(1);
  state_.store(State::lent, std::memory_order_release);
  if (!watching_.load()) {
    const std::lock_guard lock(mutex_);
    watching_.store(true);
    wake_up_.notify_all();
  }
  work();
  State expected = State::lent;
  return state_.compare_exchange_strong(expected, State::held, std::memory_order_acq_rel);
}

// True: the caller is the strand thread now. False: the strand has ended.
bool Relay::stand_by() {
  std::unique_lock lock(mutex_);
  standby_.store(true, std::memory_order_release);
  std::uint64_t seen = loans_.load();
  int quiet_ticks = 0;
  while (!ended_) {
    if (!watching_.load()) {
      wake_up_.wait(lock, [this] { return ended_ || watching_.load(); });
      seen = loans_.load();
      quiet_ticks = 0;
    }
    if (wake_up_.wait_for(lock, tick_, [this] { return ended_; })) break;
    const std::uint64_t loans = loans_.load();
    if (loans != seen) {
      seen = loans;
      quiet_ticks = 0;
      continue;
    }
    // The loan of the last look, if there is one, has lasted a tick.
    State expected = State::lent;
    if (state_.compare_exchange_strong(expected, State::held, std::memory_order_acq_rel)) {
      standby_.store(false, std::memory_order_release);
      return true;
    }
    if (++quiet_ticks < kQuietTicksMax) continue;
    watching_.store(false);
    if (loans_.load() != seen) watching_.store(true);
  }
  standby_.store(false, std::memory_order_release);
  return false;
}

}  // namespace lockstep::host
