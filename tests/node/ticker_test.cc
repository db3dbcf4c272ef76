#include "node/ticker.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "tests/manual_env.h"

namespace lockstep::node {
namespace {

class TickerTest : public testing::Test {
 protected:
  // Until the clock shows `ms` after the test began.
  void run_until(int ms) {
    while (turns_.waiting() > 0 && began_ + milliseconds(ms) > clock_.now()) turns_.run_next();
  }
  [[nodiscard]] std::int64_t now_ms() const { return (clock_.now() - began_) / milliseconds(1); }

  ManualEnv world_;
  ManualClock& clock_ = world_.clock;
  ManualTurns& turns_ = world_.turns;
  const TimePoint began_ = clock_.now();
  std::vector<std::int64_t> ticks_;
  std::function<void()> task_ = [] {};
  std::optional<Ticker> ticker_{std::in_place, world_.env, milliseconds(10), [this] {
                                  ticks_.push_back(now_ms());
                                  task_();
                                }};
};

using Times = std::vector<std::int64_t>;

TEST_F(TickerTest, ticks_until_it_is_stopped_and_again_when_it_is_started) {
  EXPECT_EQ(turns_.waiting(), 0u);
  ticker_->start();
  ticker_->start();
  run_until(30);
  EXPECT_EQ(ticks_, (Times{10, 20, 30}));
  ticker_->stop();
  EXPECT_EQ(turns_.waiting(), 0u);
  EXPECT_FALSE(ticker_->running());
  ticker_->start();
  run_until(40);
  EXPECT_EQ(ticks_, (Times{10, 20, 30, 40}));
}

TEST_F(TickerTest, a_poke_brings_the_next_tick_forward) {
  ticker_->poke();
  run_until(5);
  EXPECT_EQ(ticks_, (Times{0, 10}));
  clock_.advance(milliseconds(3));
  ticker_->poke();
  run_until(23);
  EXPECT_EQ(ticks_, (Times{0, 10, 13, 23}));
}

// What its task does with it counts, and nothing the task leaves undone ends it.
TEST_F(TickerTest, its_task_may_stop_start_and_poke_it) {
  task_ = [this] {
    if (ticks_.size() == 1) ticker_->poke();
    if (ticks_.size() == 3) ticker_->stop();
    if (ticks_.size() == 3) ticker_->start();
    if (ticks_.size() == 4) ticker_->stop();
  };
  ticker_->start();
  run_until(100);
  EXPECT_EQ(ticks_, (Times{10, 10, 20, 30}));
  EXPECT_EQ(turns_.waiting(), 0u);
}

TEST_F(TickerTest, does_nothing_once_it_is_gone) {
  ticker_->start();
  ticker_.reset();
  run_until(100);
  EXPECT_EQ(ticks_, Times{});
}

}  // namespace
}  // namespace lockstep::node
