#include "sim/lanes.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace lockstep::sim {
namespace {

struct Process {
  EventQueue queue;
  std::shared_ptr<Gate> gate = std::make_shared<Gate>(queue, [] {});
  Duration disk_time = Duration::zero();
  bool died = false;
  std::string order;
  SimLanes lanes{queue,
                 gate,
                 Rng(1),
                 {.read_lanes = 2,
                  .take_disk_time = [this] { return std::exchange(disk_time, Duration::zero()); },
                  .died =
                      [this] {
                        if (died) gate->kill();
                        return died;
                      }}};

  ~Process() { gate->kill(); }
  void run() {
    while (queue.step()) {
    }
  }
};

TEST(SimLanes, a_lane_runs_its_jobs_one_after_another) {
  Process p;
  for (const char* name : {"a", "b", "c"}) {
    p.lanes.run({.kind = env::LaneKind::log}, [&p, name] { p.order += name; }, [] {});
  }
  p.run();
  EXPECT_EQ(p.order, "abc");
  EXPECT_EQ(p.lanes.jobs(), 0U);
}

TEST(SimLanes, work_and_done_are_different_moments_and_lanes_overlap) {
  Process p;
  p.lanes.run(
      {.kind = env::LaneKind::log},
      [&] {
        p.order += "w";
        p.disk_time = milliseconds(100);
      },
      [&] { p.order += "d"; });
  p.lanes.run({.kind = env::LaneKind::apply}, [&] { p.order += "a"; }, [&] { p.order += "A"; });
  p.run();
  EXPECT_EQ(p.order.back(), 'd');
  EXPECT_LT(p.order.find('A'), p.order.find('d'));
  EXPECT_GE(p.queue.now(), TimePoint{} + milliseconds(100));
}

TEST(SimLanes, done_never_runs_when_the_disk_dies_in_the_work) {
  Process p;
  p.lanes.run({.kind = env::LaneKind::log}, [&] { p.died = true; }, [&] { p.order += "d"; });
  p.lanes.run({.kind = env::LaneKind::apply}, [&] { p.order += "?"; }, [&] { p.order += "A"; });
  p.run();
  // (The other lane's job may have been done before.)
  EXPECT_EQ(p.order.find('d'), std::string::npos);
}

TEST(SimLanes, what_a_job_owns_is_destroyed_with_the_process) {
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = owned;
  {
    Process p;
    p.lanes.run({.kind = env::LaneKind::log}, [owned = std::move(owned)] {}, [] {});
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace lockstep::sim
