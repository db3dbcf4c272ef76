#include "host/loop.h"

#include <time.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <utility>

#include "base/check.h"

namespace lockstep::host {

namespace {

TimePoint boot_time() {
  timespec t{};
  CHECK(::clock_gettime(CLOCK_BOOTTIME, &t) == 0);
  return TimePoint(seconds(t.tv_sec) + nanoseconds(t.tv_nsec));
}

}  // namespace

struct Loop::State {
  using Key = std::pair<TimePoint, std::uint64_t>;

  // 1: a hint that one thread runs it; posting from other threads stays legal.
  boost::asio::io_context io{1};
  std::deque<env::Task> tasks;
  bool drain_posted = false;
  bool dropped = false;

  boost::asio::steady_timer timer{io};
  std::map<Key, env::Task> timers;
  std::map<std::uint64_t, TimePoint> timer_times;
  std::uint64_t next_timer = 1;
  TimePoint armed = kNever;
};

Loop::Loop() : now_(boot_time()), state_(std::make_unique<State>()) {}

Loop::~Loop() {
  drop_tasks();
}

WallTime Loop::wall() const {
  timespec t{};
  CHECK(::clock_gettime(CLOCK_REALTIME, &t) == 0);
  return {static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000};
}

void Loop::begin_turn() {
  now_ = boot_time();
}

boost::asio::io_context& Loop::io() {
  return state_->io;
}

void Loop::post(env::Task task) {
  if (state_->dropped) return;
  state_->tasks.push_back(std::move(task));
  if (std::exchange(state_->drain_posted, true)) return;
  boost::asio::post(state_->io, [this] {
    // Only what was posted before: sockets and timers get their chance between two rounds.
    state_->drain_posted = false;
    std::deque<env::Task> round = std::exchange(state_->tasks, {});
    while (!round.empty() && !state_->dropped && !state_->io.stopped()) {
      env::Task next = std::move(round.front());
      round.pop_front();
      begin_turn();
      next();
    }
  });
}

void Loop::post_from_any_thread(env::Task task) {
  boost::asio::post(state_->io, std::move(task));
}

namespace {

// The steady timer stands still while the machine sleeps, boot time does not. Its expiry is only a
// reason to look: what is due is decided by boot time.
void arm(Loop& loop, auto& state, auto expired) {
  if (state.timers.empty()) return;
  const TimePoint first = state.timers.begin()->first.first;
  if (state.armed <= first) return;  // An early look is harmless, and cheaper than re-arming.
  state.armed = first;
  state.timer.expires_after(first > loop.now() ? first - loop.now() : Duration{});
  state.timer.async_wait(std::move(expired));
}

}  // namespace

env::TimerId Loop::at(TimePoint when, env::Task task) {
  CHECK(when != kNever);
  if (state_->dropped) return {};
  const std::uint64_t id = state_->next_timer++;
  state_->timers.emplace(State::Key{when, id}, std::move(task));
  state_->timer_times.emplace(id, when);

  struct Expired {
    Loop* loop;
    void operator()(const boost::system::error_code& error) {
      if (error) return;  // re-armed for an earlier time, or the loop is going away
      State& state = *loop->state_;
      state.armed = kNever;
      loop->begin_turn();
      const TimePoint due = loop->now();
      const std::uint64_t end = state.next_timer;  // timers set meanwhile wait for the next look
      for (auto it = state.timers.begin();
           it != state.timers.end() && it->first.first <= due && !state.io.stopped();) {
        if (it->first.second >= end) {
          ++it;
          continue;
        }
        const State::Key key = it->first;
        env::Task next = std::move(it->second);
        state.timers.erase(it);
        state.timer_times.erase(key.second);
        loop->begin_turn();
        next();
        it = state.timers.upper_bound(key);  // the task may have changed the map
      }
      arm(*loop, state, Expired{loop});
    }
  };
  arm(*this, *state_, Expired{this});
  return {id};
}

void Loop::cancel(env::TimerId timer) {
  const auto found = state_->timer_times.find(timer.value);
  if (found == state_->timer_times.end()) return;
  const State::Key key{found->second, timer.value};
  state_->timer_times.erase(found);
  // The task is destroyed last: its destructor may call back into this loop.
  auto node = state_->timers.extract(key);
}

void Loop::run() {
  const auto guard = boost::asio::make_work_guard(state_->io);
  begin_turn();
  state_->io.run();
}

void Loop::stop() {
  state_->io.stop();
}

void Loop::drop_tasks() {
  state_->dropped = true;
  while (!state_->tasks.empty()) {
    env::Task gone = std::move(state_->tasks.front());
    state_->tasks.pop_front();
  }
  auto timers = std::exchange(state_->timers, {});
  state_->timer_times.clear();
}

}  // namespace lockstep::host
