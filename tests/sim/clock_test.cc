#include "sim/clock.h"

#include <gtest/gtest.h>

#include "sim/event_queue.h"

namespace lockstep::sim {
namespace {

TimePoint at(Duration d) {
  return TimePoint{} + d;
}

TEST(EventQueue, runs_events_by_time_then_by_order_of_scheduling) {
  EventQueue queue;
  std::string order;
  queue.at(at(seconds(2)), [&] { order += "c"; });
  queue.at(at(seconds(1)), [&] { order += "a"; });
  queue.at(at(seconds(1)), [&] { order += "b"; });
  while (queue.step()) {
  }
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(queue.now(), at(seconds(2)));
}

TEST(EventQueue, a_cancelled_event_does_not_run_and_is_destroyed) {
  EventQueue queue;
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = owned;
  const auto id = queue.after(seconds(1), [owned = std::move(owned)] { FAIL(); });
  queue.cancel(id);
  EXPECT_TRUE(watch.expired());
  EXPECT_FALSE(queue.step());
}

TEST(EventQueue, the_past_means_now_after_what_is_due) {
  EventQueue queue;
  std::string order;
  queue.after(seconds(5), [&] {
    queue.at(at(seconds(1)), [&] { order += "late"; });
    queue.after(Duration::zero(), [&] { order += "r"; });
  });
  while (queue.step()) {
  }
  EXPECT_EQ(order, "later");
  EXPECT_EQ(queue.now(), at(seconds(5)));
}

TEST(SimClock, a_fast_clock_gains_and_its_timers_come_early) {
  EventQueue queue;
  SimClock clock(queue, {.start = seconds(1), .drift_ppm = 100'000});
  const TimePoint begin = clock.now();
  EXPECT_EQ(clock.virtual_time_of(begin + milliseconds(1100)), at(seconds(1)));
  queue.advance(at(seconds(10)));
  EXPECT_EQ(clock.now() - begin, seconds(11));
}

TEST(SimClock, has_reached_the_moment_when_it_says_so) {
  for (const std::int64_t drift : {-49'999, -7, 0, 3, 31'337}) {
    EventQueue queue;
    SimClock clock(queue, {.drift_ppm = drift});
    for (std::int64_t step = 1; step < 2'000; ++step) {
      const TimePoint wanted = clock.now() + Duration(step * 997);
      queue.advance(clock.virtual_time_of(wanted));
      ASSERT_GE(clock.now(), wanted);
      ASSERT_LE(clock.now() - wanted, Duration(2));
    }
  }
}

TEST(SimClock, never_goes_back_when_its_rate_changes) {
  EventQueue queue;
  SimClock clock(queue, {});
  TimePoint last = clock.now();
  for (std::int64_t i = 0; i < 100; ++i) {
    queue.advance(queue.now() + Duration(i * 1'234'567));
    clock.set_drift(i % 2 == 0 ? 50'000 : -50'000);
    EXPECT_GE(clock.now(), last);
    last = clock.now();
  }
}

TEST(SimClock, jumps_move_monotonic_time_forward_and_wall_time_anywhere) {
  EventQueue queue;
  SimClock clock(queue, {});
  const TimePoint before = clock.now();
  const WallTime wall = clock.wall();
  clock.jump(seconds(3));
  EXPECT_EQ(clock.now() - before, seconds(3));
  EXPECT_EQ(clock.wall().unix_ms - wall.unix_ms, 3'000);
  clock.jump_wall(-3'600'000);
  EXPECT_EQ(clock.now() - before, seconds(3));
  EXPECT_LT(clock.wall(), wall);
}

}  // namespace
}  // namespace lockstep::sim
