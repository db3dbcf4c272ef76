#include "host/loop.h"

#include <time.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <optional>
#include <utility>

#include "base/check.h"
#include "host/relay.h"
#include "host/turn_queue.h"

namespace lockstep::host {

namespace {

// So many turns may come before a job that waits for a quiet moment.
constexpr int kTurnsBeforeJobMax = 256;

TimePoint boot_time() {
  timespec t{};
  CHECK(::clock_gettime(CLOCK_BOOTTIME, &t) == 0);
  return TimePoint(seconds(t.tv_sec) + nanoseconds(t.tv_nsec));
}

}  // namespace

struct Loop::State {
  Relay::Next step(Loop& loop);

  // 1: a hint that one thread runs it at a time; posting from other threads stays legal.
  boost::asio::io_context io{1};
  std::optional<TurnQueue> turns;
  Relay relay;
  std::deque<IdleJob*> jobs;  // in the order of their offers
  int turns_before_job = 0;
};

// Jobs run between the io_context's runs, never inside a handler: a thread inside a handler keeps
// completions to itself that another strand thread would have to see.
Relay::Next Loop::State::step(Loop& loop) {
  if (io.stopped()) return Relay::Next::end;
  if (jobs.empty()) {
    io.run_one();
    return Relay::Next::step;
  }
  io.poll();
  if (jobs.empty() || io.stopped()) return Relay::Next::step;
  if (!relay.can_lend()) {
    loop.pass_all_on();
    return Relay::Next::step;
  }
  IdleJob& job = *jobs.front();
  jobs.pop_front();
  turns_before_job = 0;
  job.begin_here();
  if (!relay.lend([&job] { job.work_here(); }))
    return job.done_late() ? Relay::Next::standby : Relay::Next::retire;
  loop.begin_turn();
  job.done_here();
  return Relay::Next::step;
}

Loop::Loop() : now_(boot_time()), state_(std::make_unique<State>()) {
  state_->turns.emplace(*this);
}

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
  ++turn_;
  if (state_->jobs.empty() || ++state_->turns_before_job <= kTurnsBeforeJobMax) return;
  pass_all_on();
}

bool Loop::offer(IdleJob& job) {
  if (!state_->relay.can_lend()) return false;
  if (state_->jobs.empty()) state_->turns_before_job = 0;
  state_->jobs.push_back(&job);
  return true;
}

void Loop::withdraw(IdleJob& job) {
  std::erase(state_->jobs, &job);
}

void Loop::pass_all_on() {
  for (IdleJob* each : std::exchange(state_->jobs, {})) each->pass_on();
}

boost::asio::io_context& Loop::io() {
  return state_->io;
}

void Loop::post(env::Task task) {
  state_->turns->post(std::move(task));
}

env::TimerId Loop::at(TimePoint when, env::Task task) {
  return state_->turns->at(when, std::move(task));
}

void Loop::cancel(env::TimerId timer) {
  state_->turns->cancel(timer);
}

void Loop::post_from_any_thread(env::Task task) {
  boost::asio::post(state_->io, std::move(task));
}

void Loop::run() {
  const auto guard = boost::asio::make_work_guard(state_->io);
  begin_turn();
  state_->relay.run([this] { return state_->step(*this); });
}

void Loop::stop() {
  state_->io.stop();
}

void Loop::drop_tasks() {
  state_->turns->drop();
}

}  // namespace lockstep::host
