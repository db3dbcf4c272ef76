// Crashes at every mutating disk operation of drawn histories (writes, drops, resets, files used
// again): what is found again is exactly the log after some step that was attempted, and no step
// that was acknowledged is missing.
#include <gtest/gtest.h>

#include "tests/storage/support.h"

namespace lockstep::storage {
namespace {

using namespace test;
using sim::Loss;
using sim::SimDisk;

constexpr std::uint64_t kSegment = 16384;

struct Progress {
  std::size_t acknowledged = 0;  // steps that returned success
  std::size_t attempted = 0;
};

Progress run(SimDisk& disk, const History& history) {
  Progress progress;
  auto opened = RaftLog::open(disk, {.segment_bytes = kSegment, .seed = 1});
  if (!opened) return progress;
  for (const Step& step : history.steps) {
    ++progress.attempted;
    if (!step.carry_out(*opened->log)) return progress;
    ++progress.acknowledged;
  }
  return progress;
}

// Which of the models in [ran.acknowledged, ran.attempted] the log is; fails the test if none.
std::optional<Model> identify(const RaftLog::Opened& opened, const History& history,
                              const Progress& ran) {
  for (std::size_t i = ran.acknowledged; i <= ran.attempted; ++i)
    if (equals(opened, history.models[i])) return history.models[i];
  ADD_FAILURE() << "not the log after any step in [" << ran.acknowledged << ", " << ran.attempted
                << "]: " << opened.recovered.terms.size() << " entries above "
                << opened.recovered.base.index.value;
  return std::nullopt;
}

void end_process(SimDisk& disk, std::optional<Loss> loss) {
  if (loss)
    disk.lose_power(*loss);
  else
    disk.kill_process();
}

// What an opened log showed is durable: it is there after a total loss, and goes on.
void check_durable_and_usable(SimDisk& disk, Model model) {
  disk.lose_power(Loss::all);
  {
    auto opened = open_log(disk, kSegment, 3);
    ASSERT_TRUE(equals(opened, model)) << "what recovery showed was not durable";
    const auto write = appending({command(model.last_index() + 1, 1000, "after")});
    ASSERT_TRUE(opened.log->append(write));
    model.apply(write);
  }
  disk.lose_power(Loss::all);
  ASSERT_TRUE(equals(open_log(disk, kSegment, 4), model));
}

void crash_everywhere(std::uint64_t seed, std::optional<Loss> loss, unsigned& points) {
  const History history = draw_history(seed, 25);
  for (std::uint64_t budget = 0;; ++budget) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " budget " + std::to_string(budget) + " loss " +
                 (loss ? std::to_string(static_cast<int>(*loss)) : "none"));
    SimDisk disk(Rng(seed * 1000 + budget));
    disk.crash_after(budget);
    const Progress ran = run(disk, history);
    const bool finished = ran.acknowledged == history.steps.size();
    end_process(disk, loss);
    ++points;
    // Every second time recovery itself crashes, too.
    if (budget % 2 == 1) {
      disk.crash_after(budget / 2 % 6);
      static_cast<void>(RaftLog::open(disk, {.segment_bytes = kSegment, .seed = 2}));
      end_process(disk, loss);
    }
    std::optional<Model> model;
    {
      auto opened = RaftLog::open(disk, {.segment_bytes = kSegment, .seed = 2});
      ASSERT_TRUE(opened) << opened.error().text;
      model = identify(*opened, history, ran);
      ASSERT_TRUE(model);
    }
    check_durable_and_usable(disk, *model);
    if (testing::Test::HasFatalFailure()) return;
    if (finished) return;
  }
}

TEST(LogCrash, every_crash_point_leaves_an_exact_acknowledged_prefix) {
  unsigned points = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    crash_everywhere(seed, std::nullopt, points);
    for (const Loss loss : kLosses) crash_everywhere(seed, loss, points);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(points, 4000u);
  RecordProperty("crash_points", static_cast<int>(points));
}

TEST(LogCrash, a_failed_sync_is_final_and_nothing_acknowledged_is_lost) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const History history = draw_history(seed % 20, 20);
    Rng rng(seed);
    SimDisk disk(rng.derive("disk"));
    const std::uint64_t failing = rng.below(history.steps.size());
    Progress ran;
    {
      auto opened = open_log(disk, kSegment);
      for (std::size_t i = 0; i < history.steps.size(); ++i) {
        const Step& step = history.steps[i];
        if (i == failing) disk.fail_syncs(1);
        ++ran.attempted;
        const Status done = step.carry_out(*opened.log);
        if (!done) {
          ASSERT_EQ(done.error().code, Errc::io);
          ASSERT_FALSE(opened.log->append(appending({command(1, 1, "x")})));
          break;
        }
        ++ran.acknowledged;
      }
      disk.fail_syncs(0);
    }
    end_process(disk, rng.chance(1, 2) ? std::optional(kLosses[rng.below(5)]) : std::nullopt);
    std::optional<Model> model;
    {
      auto opened = RaftLog::open(disk, {.segment_bytes = kSegment, .seed = 2});
      ASSERT_TRUE(opened) << opened.error().text;
      model = identify(*opened, history, ran);
      ASSERT_TRUE(model);
    }
    check_durable_and_usable(disk, *model);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace lockstep::storage
