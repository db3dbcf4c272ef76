#include "host/loop.h"

#include <time.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <optional>
#include <utility>

#include "base/check.h"
#include "host/turn_queue.h"

namespace lockstep::host {

namespace {

TimePoint boot_time() {
  timespec t{};
  CHECK(::clock_gettime(CLOCK_BOOTTIME, &t) == 0);
  return TimePoint(seconds(t.tv_sec) + nanoseconds(t.tv_nsec));
}

}  // namespace

struct Loop::State {
  // 1: a hint that one thread runs it; posting from other threads stays legal.
  boost::asio::io_context io{1};
  std::optional<TurnQueue> turns;
};

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
  state_->io.run();
}

void Loop::stop() {
  state_->io.stop();
}

void Loop::drop_tasks() {
  state_->turns->drop();
}

}  // namespace lockstep::host
