#include "host/relay.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

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
  start_thread(step, true);
  start_thread(step, false);
  std::vector<std::thread> started;
  {
    std::unique_lock lock(mutex_);
    wake_up_.wait(lock, [this] { return ended_; });
    started = std::exchange(started_, {});
  }
  for (std::thread& each : started) each.join();
}

// run()'s caller or the strand thread: what they start inherits their priority.
void Relay::start_thread(const std::function<Next()>& step, bool holds) {
  const std::lock_guard lock(mutex_);
  missing_.store(false, std::memory_order_relaxed);
  started_.emplace_back([this, &step, holds] { serve(step, holds); });
  (void)::pthread_setname_np(started_.back().native_handle(), "loop");
}

// Nothing of the relay is touched once the lock is let go.
void Relay::retire() {
  const std::lock_guard lock(mutex_);
  missing_.store(true, std::memory_order_relaxed);
  const auto self = std::ranges::find(started_, std::this_thread::get_id(), &std::thread::get_id);
  if (self == started_.end()) return;  // about to be joined
  self->detach();
  started_.erase(self);
}

void Relay::serve(const std::function<Next()>& step, bool holds) {
  while (holds || stand_by()) {
    if (missing_.load(std::memory_order_relaxed)) start_thread(step, false);
    const Next next = step();
    holds = next == Next::step;
    if (next == Next::retire) return retire();
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
