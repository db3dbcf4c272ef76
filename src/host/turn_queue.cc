#include "host/turn_queue.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <utility>

#include "base/check.h"
#include "host/loop.h"

namespace lockstep::host {

// Handlers that wait in the io_context keep it alive: the queue may be gone when they run.
struct TurnQueue::State : std::enable_shared_from_this<State> {
  using Key = std::pair<TimePoint, std::uint64_t>;

  explicit State(Loop& the_loop) : loop(the_loop), timer(the_loop.io()) {}

  void run_round();
  void arm();
  void run_due();
  [[nodiscard]] bool ended() const { return dropped || loop.io().stopped(); }

  Loop& loop;
  std::deque<env::Task> tasks;
  bool round_posted = false;
  bool dropped = false;

  boost::asio::steady_timer timer;
  std::map<Key, env::Task> timers;
  std::map<std::uint64_t, TimePoint> timer_times;
  std::uint64_t next_timer = 1;
  TimePoint armed = kNever;
};

// Only what was posted before: sockets and timers get their chance between two rounds.
void TurnQueue::State::run_round() {
  round_posted = false;
  std::deque<env::Task> round = std::exchange(tasks, {});
  while (!round.empty() && !ended()) {
    env::Task next = std::move(round.front());
    round.pop_front();
    loop.begin_turn();
    next();
  }
}

// The steady timer stands still while the machine sleeps, boot time does not. Its expiry is only a
// reason to look: what is due is decided by boot time.
void TurnQueue::State::arm() {
  if (timers.empty()) return;
  const TimePoint first = timers.begin()->first.first;
  if (armed <= first) return;  // An early look is harmless, and cheaper than re-arming.
  armed = first;
  timer.expires_after(first > loop.now() ? first - loop.now() : Duration{});
  timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->run_due();  // Else: armed for an earlier time, or dropped.
  });
}

void TurnQueue::State::run_due() {
  armed = kNever;
  loop.begin_turn();
  const TimePoint due = loop.now();
  const std::uint64_t end = next_timer;  // Timers set meanwhile wait for the next look.
  for (auto it = timers.begin(); it != timers.end() && it->first.first <= due && !ended();) {
    if (it->first.second >= end) {
      ++it;
      continue;
    }
    const Key key = it->first;
    env::Task next = std::move(it->second);
    timers.erase(it);
    timer_times.erase(key.second);
    loop.begin_turn();
    next();
    it = timers.upper_bound(key);  // The task may have changed the map.
  }
  arm();
}

TurnQueue::TurnQueue(Loop& loop) : state_(std::make_shared<State>(loop)) {}

TurnQueue::~TurnQueue() {
  drop();
}

void TurnQueue::post(env::Task task) {
  if (state_->dropped) return;
  state_->tasks.push_back(std::move(task));
  if (std::exchange(state_->round_posted, true)) return;
  boost::asio::post(state_->loop.io(), [state = state_] { state->run_round(); });
}

env::TimerId TurnQueue::at(TimePoint when, env::Task task) {
  CHECK(when != kNever);
  if (state_->dropped) return {};
  const std::uint64_t id = state_->next_timer++;
  state_->timers.emplace(State::Key{when, id}, std::move(task));
  state_->timer_times.emplace(id, when);
  state_->arm();
  return {id};
}

void TurnQueue::cancel(env::TimerId timer) {
  const auto found = state_->timer_times.find(timer.value);
  if (found == state_->timer_times.end()) return;
  const State::Key key{found->second, timer.value};
  state_->timer_times.erase(found);
  // The task is destroyed last: its destructor may call back into this queue.
  auto node = state_->timers.extract(key);
}

void TurnQueue::drop() {
  if (std::exchange(state_->dropped, true)) return;
  while (!state_->tasks.empty()) {
    env::Task gone = std::move(state_->tasks.front());
    state_->tasks.pop_front();
  }
  auto timers = std::exchange(state_->timers, {});
  state_->timer_times.clear();
  state_->timer.cancel();
}

}  // namespace lockstep::host
