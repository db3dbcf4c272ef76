// Jobs on the strand thread itself, and what happens when one of them is long.
#include "host/relay.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "env/lanes.h"
#include "host/loop.h"
#include "host/thread_lanes.h"

namespace lockstep::host {
namespace {

using env::LaneId;
using env::LaneKind;

constexpr LaneId kLog{LaneKind::log};
constexpr LaneId kApply{LaneKind::apply};
constexpr LaneId kImage{LaneKind::image};
constexpr LaneId kRead{LaneKind::read, 1};

void wait_for(const std::atomic<bool>& flag) {
  while (!flag) std::this_thread::yield();
}

TEST(Relay, a_long_loan_is_taken_over_and_its_thread_stands_by) {
  Relay relay;
  std::thread::id first;
  std::atomic<bool> taken = false;
  int handed_over = 0;
  int steps_of_the_other = 0;
  relay.run([&] {
    const auto self = std::this_thread::get_id();
    if (first == std::thread::id()) first = self;
    if (!relay.can_lend()) {
      if (self != first) ++steps_of_the_other;
      taken = self != first;
      return Relay::Next::step;
    }
    if (handed_over == 2) return Relay::Next::end;
    // The loan ends only once the other thread has become the strand's.
    const bool mine = self == first;
    if (relay.lend([&] {
          while (taken != mine) std::this_thread::yield();
        }))
      return Relay::Next::step;
    ++handed_over;  // Safe: the strand's new thread waits for can_lend(), that is, for this one.
    return Relay::Next::standby;
  });
  EXPECT_EQ(handed_over, 2);
  EXPECT_GT(steps_of_the_other, 0);
}

TEST(Relay, a_short_loan_leaves_the_strand_where_it_is) {
  Relay relay(seconds(10));
  std::thread::id first;
  int loans = 0;
  relay.run([&] {
    if (first == std::thread::id()) first = std::this_thread::get_id();
    EXPECT_EQ(std::this_thread::get_id(), first);
    if (loans == 1000) return Relay::Next::end;
    if (relay.can_lend()) {
      EXPECT_TRUE(relay.lend([&] { EXPECT_EQ(std::this_thread::get_id(), first); }));
      ++loans;
    }
    return Relay::Next::step;
  });
}

TEST(Relay, a_thread_that_retires_is_replaced) {
  Relay relay;
  thread_local bool is_spent = false;
  std::atomic<int> lent = 0;
  std::atomic<int> taken = 0;
  std::atomic<int> retired = 0;
  relay.run([&] {
    EXPECT_FALSE(is_spent);
    if (!relay.can_lend()) {
      taken = lent.load();
      return Relay::Next::step;
    }
    // Nobody stands by until the thread of the last loan has been replaced.
    EXPECT_EQ(retired, lent);
    if (lent == 4) return Relay::Next::end;
    const int loan = ++lent;
    EXPECT_FALSE(relay.lend([&] {
      while (taken < loan) std::this_thread::yield();
    }));
    is_spent = true;
    ++retired;
    return Relay::Next::retire;
  });
  EXPECT_EQ(retired, 4);
  EXPECT_FALSE(is_spent);  // the caller
}

// Runs a story inside Loop::run() until it calls loop.stop().
class LanesAtHome : public ::testing::Test {
 protected:
  // Waits until jobs can be offered, which takes a moment after the start.
  void tell(std::function<void()> story) {
    story_ = std::move(story);
    loop_.post([this] { begin(); });
    loop_.run();
  }
  // A turn every millisecond, for as long as the loop runs.
  void tick() {
    ++ticks_;
    loop_.at(loop_.now() + milliseconds(1), [this] { tick(); });
  }

  Loop loop_;
  ThreadLanes lanes_{loop_, 2};
  std::function<void()> story_;
  std::atomic<int> ticks_ = 0;

 private:
  void begin() {
    lanes_.run(
        kLog, [] {},
        [this] {
          if (lanes_.counts(kLog).here == 0) return begin();
          story_();
        });
  }
};

TEST_F(LanesAtHome, a_short_job_of_an_idle_node_runs_on_the_strand_thread) {
  std::thread::id worked;
  tell([&] {
    const auto strand = std::this_thread::get_id();
    lanes_.run(
        kApply, [&] { worked = std::this_thread::get_id(); },
        [&, strand] {
          EXPECT_EQ(worked, strand);
          EXPECT_EQ(lanes_.counts(kApply).here, 1u);
          loop_.stop();
        });
  });
}

TEST_F(LanesAtHome, an_image_job_never_runs_on_the_strand_thread) {
  tell([&] {
    lanes_.run(
        kImage, [] {},
        [&] {
          EXPECT_EQ(lanes_.counts(kImage).here, 0u);
          loop_.stop();
        });
  });
}

TEST_F(LanesAtHome, turns_go_on_during_a_long_job_and_its_done_is_a_turn) {
  std::string order;
  tell([&] {
    tick();
    const int before = ticks_;
    lanes_.run(
        kApply,
        [&, before] {
          while (ticks_ < before + 5) std::this_thread::yield();
          order += 'a';
        },
        [&] { EXPECT_EQ(lanes_.counts(kApply).here, 1u); });
    // Jobs of the lane that come meanwhile wait for it, and others do not.
    loop_.at(loop_.now() + milliseconds(3), [&] {
      lanes_.run(
          kApply, [&] { order += 'b'; },
          [&] {
            order += 'c';
            loop_.stop();
          });
    });
  });
  EXPECT_EQ(order, "abc");
}

TEST_F(LanesAtHome, after_a_long_job_the_lane_uses_its_own_thread_for_a_while) {
  tell([&] {
    tick();
    const int before = ticks_;
    const auto long_job = [&, before] {
      while (ticks_ < before + 3) std::this_thread::yield();
    };
    lanes_.run(kApply, long_job, [&] {
      lanes_.run(
          kApply, [] {},
          [&] {
            EXPECT_EQ(lanes_.counts(kApply).here, 1u);
            EXPECT_EQ(lanes_.counts(kApply).elsewhere, 1u);
            loop_.stop();
          });
    });
  });
}

TEST_F(LanesAtHome, a_busy_strand_passes_its_job_on) {
  int turns = 0;
  std::function<void()> spin = [&] {
    ++turns;
    loop_.post(spin);
  };
  tell([&] {
    spin();
    lanes_.run(
        kApply, [] {},
        [&] {
          EXPECT_EQ(lanes_.counts(kApply).elsewhere, 1u);
          EXPECT_GT(turns, 10);
          loop_.stop();
        });
  });
}

TEST_F(LanesAtHome, stopping_waits_for_a_job_that_another_strand_thread_began) {
  std::atomic<bool> finish = false;
  bool done = false;
  tell([&] {
    tick();
    const int before = ticks_;
    lanes_.run(kApply, [&] { wait_for(finish); }, [&] { done = true; });
    loop_.at(loop_.now() + milliseconds(4), [&, before] {
      EXPECT_GT(ticks_, before);
      std::thread release([&] {
        std::this_thread::sleep_for(milliseconds(5));
        finish = true;
      });
      lanes_.stop();
      EXPECT_TRUE(finish);
      release.join();
      loop_.stop();
    });
  });
  EXPECT_FALSE(done);
}

TEST_F(LanesAtHome, jobs_keep_their_order_whoever_does_them) {
  std::vector<int> worked;
  std::vector<int> done;
  int next = 0;
  // Bursts make the lane's thread work, a lone job the strand's; a few are long.
  std::function<void()> burst = [&] {
    const int jobs = 1 + next % 3;
    if (next >= 3000) return loop_.stop();
    for (int i = 1; i <= jobs; ++i) {
      lanes_.run(
          kApply,
          [&, n = next] {
            if (n % 500 == 0) std::this_thread::sleep_for(milliseconds(3));
            worked.push_back(n);
          },
          [&, n = next, last = i == jobs] {
            done.push_back(n);
            if (last) burst();
          });
      ++next;
    }
  };
  tell(burst);
  EXPECT_EQ(worked, done);
  EXPECT_TRUE(std::ranges::is_sorted(done));
  EXPECT_EQ(done.size(), static_cast<std::size_t>(next));
  EXPECT_GT(lanes_.counts(kApply).here, 10u);
  EXPECT_GT(lanes_.counts(kApply).elsewhere, 10u);
}

// The nice value of the calling thread.
int nice_value() {
  return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
}

// Begun on the strand thread or on the lane's own. Who does the next job, and who has the turns
// after it, is as nice as before.
TEST_F(LanesAtHome, a_long_read_gives_way_and_nothing_after_it_does) {
  const int usual = nice_value();
  // After so many short ones the strand thread does a long one, too.
  const std::string reads = "LsssssssssLsssssssssLLsL";
  const auto do_read = [&](char read) {
    EXPECT_EQ(nice_value(), usual);
    if (read != 'L') return;
    while (nice_value() == usual) std::this_thread::yield();
    EXPECT_EQ(nice_value(), std::min(usual + 10, 19));
  };
  std::size_t next = 0;
  std::uint64_t long_ones_here = 0;
  std::function<void()> go_on = [&] {
    EXPECT_EQ(nice_value(), usual);
    if (next == reads.size()) return loop_.stop();
    const char read = reads[next++];
    const std::uint64_t here = lanes_.counts(kRead).here;
    lanes_.run(
        kRead, [&, read] { do_read(read); },
        [&, read, here] {
          if (read == 'L') long_ones_here += lanes_.counts(kRead).here - here;
          go_on();
        });
  };
  tell(go_on);
  EXPECT_GE(long_ones_here, 2u);
  EXPECT_GE(lanes_.counts(kRead).elsewhere, 3u);
}

TEST_F(LanesAtHome, stopping_after_a_long_read_waits_for_nobody) {
  tell([&] {
    const int usual = nice_value();
    lanes_.run(
        kRead,
        [=] {
          while (nice_value() == usual) std::this_thread::yield();
        },
        [&] {
          lanes_.stop();
          loop_.stop();
        });
  });
  EXPECT_EQ(lanes_.counts(kRead).here, 1u);
}

}  // namespace
}  // namespace lockstep::host
