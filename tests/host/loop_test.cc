#include "host/loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "host/thread_lanes.h"
#include "host/turn_queue.h"
#include "world.h"

namespace lockstep::host {
namespace {

using env::LaneId;
using env::LaneKind;

TEST(Loop, posted_tasks_run_in_order_and_later) {
  Loop loop;
  std::vector<int> order;
  loop.post([&] {
    order.push_back(1);
    loop.post([&] { order.push_back(3); });
  });
  loop.post([&] { order.push_back(2); });
  EXPECT_TRUE(order.empty());
  EXPECT_TRUE(run_until(loop, [&] { return order.size() == 3; }));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(Loop, timers_fire_in_order_of_time_never_early) {
  Loop loop;
  std::vector<int> order;
  const TimePoint start = loop.now();
  const auto at = [&](int ms, int name) {
    const TimePoint when = start + milliseconds(ms);
    loop.at(when, [&, when, name] {
      EXPECT_GE(loop.now(), when);
      order.push_back(name);
    });
  };
  at(20, 3);
  at(1, 1);
  at(10, 2);
  at(10, 22);
  loop.at(start - seconds(5), [&] { order.push_back(0); });
  EXPECT_TRUE(run_until(loop, [&] { return order.size() == 5; }));
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 22, 3}));
}

TEST(Loop, a_cancelled_timer_does_not_fire_and_its_task_is_gone) {
  Loop loop;
  auto held = std::make_shared<int>(1);
  bool fired = false;
  bool last = false;
  const auto timer = loop.at(loop.now() + milliseconds(1), [&, held] { fired = true; });
  EXPECT_EQ(held.use_count(), 2);
  loop.cancel(timer);
  EXPECT_EQ(held.use_count(), 1);
  loop.cancel(timer);
  loop.cancel({});
  loop.at(loop.now() + milliseconds(5), [&] { last = true; });
  EXPECT_TRUE(run_until(loop, [&] { return last; }));
  EXPECT_FALSE(fired);
}

TEST(Loop, a_timer_may_cancel_and_set_others) {
  Loop loop;
  int fired = 0;
  const TimePoint when = loop.now() + milliseconds(1);
  env::TimerId victim{};
  loop.at(when, [&] {
    loop.cancel(victim);
    loop.at(loop.now(), [&] { fired += 10; });
    fired += 1;
  });
  victim = loop.at(when, [&] { fired += 100; });
  EXPECT_TRUE(run_until(loop, [&] { return fired >= 11; }));
  run_for(loop, milliseconds(5));
  EXPECT_EQ(fired, 11);
}

TEST(Loop, now_stands_still_within_a_turn) {
  Loop loop;
  bool done = false;
  loop.post([&] {
    const TimePoint before = loop.now();
    std::this_thread::sleep_for(milliseconds(2));
    EXPECT_EQ(loop.now(), before);
    loop.post([&, before] {
      EXPECT_GE(loop.now(), before + milliseconds(2));
      done = true;
    });
  });
  EXPECT_TRUE(run_until(loop, [&] { return done; }));
}

TEST(Loop, dropped_tasks_are_destroyed_unrun) {
  auto held = std::make_shared<int>(1);
  Loop loop;
  loop.post([held] { FAIL(); });
  loop.at(loop.now(), [held] { FAIL(); });
  loop.drop_tasks();
  loop.post([held] { FAIL(); });
  EXPECT_EQ(held.use_count(), 1);
  run_for(loop, milliseconds(2));
}

TEST(TurnQueue, dropping_one_leaves_the_others) {
  Loop loop;
  TurnQueue kept(loop);
  auto held = std::make_shared<int>(1);
  int ran = 0;
  {
    TurnQueue gone(loop);
    gone.post([held] { FAIL(); });
    gone.at(loop.now(), [held] { FAIL(); });
    gone.at(loop.now() + milliseconds(1), [held] { FAIL(); });
    kept.post([&] { ++ran; });
    kept.at(loop.now() + milliseconds(1), [&] { ++ran; });
    loop.at(loop.now() + milliseconds(1), [&] { ++ran; });
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_TRUE(run_until(loop, [&] { return ran == 3; }));
}

TEST(TurnQueue, may_be_dropped_by_one_of_its_own_tasks) {
  Loop loop;
  TurnQueue queue(loop);
  auto held = std::make_shared<int>(1);
  bool ran = false;
  queue.post([&] {
    queue.drop();
    ran = true;
  });
  queue.post([held] { FAIL(); });
  queue.at(loop.now(), [held] { FAIL(); });
  EXPECT_TRUE(run_until(loop, [&] { return ran; }));
  run_for(loop, milliseconds(2));
  EXPECT_EQ(held.use_count(), 1);
}

TEST(TurnQueue, may_go_with_a_timer_that_is_due) {
  Loop loop;
  auto queue = std::make_unique<TurnQueue>(loop);
  bool ran = false;
  const TimePoint when = loop.now() + milliseconds(1);
  loop.at(when, [&] { queue.reset(); });
  queue->at(when, [&] { ran = true; });
  run_for(loop, milliseconds(5));
  EXPECT_EQ(queue, nullptr);
  EXPECT_FALSE(ran);
}

TEST(ThreadLanes, jobs_of_one_lane_run_in_order_and_done_on_the_strand) {
  Loop loop;
  ThreadLanes lanes(loop, 2);
  const auto strand = std::this_thread::get_id();
  std::vector<int> worked;  // the log lane's own
  std::vector<int> done;
  for (int i = 0; i < 1000; ++i) {
    lanes.run(
        {LaneKind::log},
        [&, i] {
          EXPECT_NE(std::this_thread::get_id(), strand);
          worked.push_back(i);
        },
        [&, i] {
          EXPECT_EQ(std::this_thread::get_id(), strand);
          done.push_back(i);
        });
  }
  EXPECT_TRUE(run_until(loop, [&] { return done.size() == 1000; }));
  EXPECT_EQ(worked, done);
  EXPECT_TRUE(std::ranges::is_sorted(done));
}

TEST(ThreadLanes, lanes_run_at_the_same_time) {
  Loop loop;
  ThreadLanes lanes(loop, 3);
  EXPECT_EQ(lanes.read_lanes(), 3u);
  std::atomic<int> arrived = 0;
  int done = 0;
  // Each waits for all: with one thread less this would never end.
  const auto meet = [&] {
    ++arrived;
    while (arrived < 6) std::this_thread::yield();
  };
  for (const LaneId lane :
       {LaneId{LaneKind::log}, LaneId{LaneKind::apply}, LaneId{LaneKind::image},
        LaneId{LaneKind::read, 0}, LaneId{LaneKind::read, 1}, LaneId{LaneKind::read, 2}})
    lanes.run(lane, meet, [&] { ++done; });
  EXPECT_TRUE(run_until(loop, [&] { return done == 6; }));
}

TEST(ThreadLanes, values_come_back) {
  Loop loop;
  ThreadLanes lanes(loop, 1);
  std::string got;
  env::run_on(
      lanes, {LaneKind::apply}, [] { return std::string("value"); },
      [&](std::string value) { got = std::move(value); });
  EXPECT_TRUE(run_until(loop, [&] { return !got.empty(); }));
  EXPECT_EQ(got, "value");
}

TEST(ThreadLanes, after_stop_no_done_runs_and_all_tasks_are_destroyed) {
  Loop loop;
  auto held = std::make_shared<int>(1);
  std::atomic<bool> started = false;
  std::atomic<bool> finish = false;
  std::atomic<int> worked = 0;
  int done = 0;
  ThreadLanes lanes(loop, 1);
  lanes.run(
      {LaneKind::log},
      [&, held] {
        started = true;
        while (!finish) std::this_thread::yield();
        ++worked;
      },
      [&, held] { ++done; });
  for (int i = 0; i < 100; ++i)
    lanes.run({LaneKind::log}, [&, held] { ++worked; }, [&, held] { ++done; });
  while (!started) std::this_thread::yield();
  std::thread release([&] {
    std::this_thread::sleep_for(milliseconds(5));
    finish = true;
  });
  lanes.stop();
  release.join();
  lanes.run({LaneKind::log}, [&, held] { ++worked; }, [&, held] { ++done; });
  run_for(loop, milliseconds(5));
  EXPECT_EQ(done, 0);
  EXPECT_GE(worked, 1);
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace lockstep::host
