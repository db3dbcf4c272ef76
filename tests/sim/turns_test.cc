#include "sim/turns.h"

#include <gtest/gtest.h>

#include <string>

namespace lockstep::sim {
namespace {

struct Process {
  EventQueue queue;
  SimClock clock{queue, {}};
  int steps = 0;
  std::shared_ptr<Gate> gate = std::make_shared<Gate>(queue, [this] { ++steps; });
  SimTurns turns{queue, clock, gate, Rng(1), {.lateness_max = Duration::zero()}};
  std::string order;

  ~Process() { gate->kill(); }
  void run() {
    while (queue.step()) {
    }
  }
};

TEST(SimTurns, posts_run_in_order_after_the_turn_that_posted) {
  Process p;
  p.turns.post([&] {
    p.turns.post([&] { p.order += "c"; });
    p.order += "a";
  });
  p.turns.post([&] { p.order += "b"; });
  p.run();
  EXPECT_EQ(p.order, "abc");
  EXPECT_EQ(p.steps, 3);
}

TEST(SimTurns, timers_fire_by_local_time_and_not_when_cancelled) {
  Process p;
  p.turns.at(p.clock.now() + seconds(2), [&] { p.order += "b"; });
  const auto cancelled = p.turns.at(p.clock.now() + seconds(1), [&] { p.order += "x"; });
  p.turns.at(p.clock.now() + seconds(1), [&] { p.order += "a"; });
  p.turns.cancel(cancelled);
  p.run();
  EXPECT_EQ(p.order, "ab");
  EXPECT_EQ(p.queue.now(), TimePoint{} + seconds(2));
}

TEST(SimTurns, a_clock_that_jumps_makes_timers_due) {
  Process p;
  p.turns.at(p.clock.now() + seconds(60), [&] { p.order += "a"; });
  p.clock.jump(seconds(60));
  p.turns.clock_changed();
  p.run();
  EXPECT_EQ(p.order, "a");
  EXPECT_EQ(p.queue.now(), TimePoint{});
}

TEST(SimTurns, a_slower_clock_makes_timers_late) {
  Process p;
  p.turns.at(p.clock.now() + seconds(9), [&] { p.order += "a"; });
  p.clock.set_drift(-100'000);
  p.turns.clock_changed();
  p.run();
  EXPECT_EQ(p.queue.now(), TimePoint{} + seconds(10));
}

TEST(Gate, a_paused_process_runs_late_and_misses_nothing) {
  Process p;
  p.turns.post([&] { p.order += "t"; });
  p.turns.at(p.clock.now() + seconds(1), [&] { p.order += "T"; });
  p.gate->pause();
  p.queue.after(seconds(3), [&] {
    p.gate->pass(Wake::message, [&] { p.order += "m"; });
    Rng rng(1);
    p.gate->resume(rng);
  });
  p.run();
  EXPECT_TRUE(p.order == "tTm" || p.order == "tmT") << p.order;
  EXPECT_EQ(p.queue.now(), TimePoint{} + seconds(3));
}

TEST(Gate, nothing_of_a_dead_process_runs) {
  Process p;
  p.turns.post([&] { p.order += "a"; });
  p.turns.at(p.clock.now() + seconds(1), [&] { p.order += "b"; });
  p.turns.post([&] { p.gate->kill(); });
  p.turns.post([&] { p.order += "c"; });
  p.run();
  EXPECT_EQ(p.order, "a");
}

}  // namespace
}  // namespace lockstep::sim
