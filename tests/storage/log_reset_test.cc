// RaftLog::reset(): the log starts anew at a position, whatever was before, and a crash leaves the
// old log or the new one.
#include <gtest/gtest.h>

#include "base/bugs.h"
#include "storage/log_format.h"
#include "storage/segment.h"
#include "storage/spares.h"
#include "tests/storage/support.h"

namespace lockstep::storage {
namespace {

using namespace test;
using sim::Loss;

constexpr raft::Position kAt{LogIndex{100}, Term{7}};

void reset(Bench& bench, raft::Position at = kAt, std::uint64_t member = 5) {
  ASSERT_TRUE(bench.log().reset(at, membership_of(member)));
  bench.model.reset(at, membership_of(member));
}

// Three segments.
void fill(Bench& bench) {
  bench.membership(1, 1);
  for (int i = 0; i < 7; ++i) bench.batch(2, 2);
}

TEST(LogReset, begins_after_the_position_with_the_membership) {
  Bench bench;
  fill(bench);
  reset(bench);
  bench.close();
  {
    const auto opened = bench.open();
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_EQ(opened->recovered.base, kAt);
    EXPECT_EQ(opened->recovered.base_membership, membership_of(5));
    EXPECT_TRUE(opened->recovered.terms.empty());
    EXPECT_FALSE(opened->created);
  }
  bench.reopen();
  bench.batch(2, 7);
  bench.truncate(101);
  bench.membership(8, 3);
  for (int i = 0; i < 5; ++i) bench.batch(1, 9);
  EXPECT_EQ((*bench.log().read(LogIndex{101}, LogIndex{103}, 1000)), bench.model.range(101, 103));
  bench.close();
  EXPECT_TRUE(equals(*bench.open(), bench.model));
}

TEST(LogReset, leaves_one_segment_in_which_batches_are_counted_anew) {
  Bench bench;
  fill(bench);
  reset(bench);
  bench.batch(1, 7);
  const auto names = *bench.disk().list();
  EXPECT_EQ(names.size(), 1 + kSparesMax);
  const std::string bytes = *bench.disk().contents(segment_name(4));
  const auto header = decode_segment_header(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->chain, ChainLink{});
  EXPECT_EQ(header->previous, kAt);
  EXPECT_EQ(decode_batch_header(std::string_view(bytes).substr(kBlockBytes))->number, 1u);
}

TEST(LogReset, may_go_back_come_again_and_be_without_members) {
  Bench bench;
  fill(bench);
  reset(bench, {LogIndex{3}, Term{1}});
  bench.batch(2, 2);
  reset(bench, {LogIndex{3}, Term{1}}, 6);
  reset(bench, {LogIndex{90}, Term{4}});
  ASSERT_TRUE(bench.log().reset({LogIndex{91}, Term{4}}, {}));
  bench.model.reset({LogIndex{91}, Term{4}}, {});
  bench.batch(1, 4);
  bench.close();
  EXPECT_TRUE(equals(*bench.open(), bench.model));
}

TEST(LogReset, every_crash_point_leaves_the_old_log_or_the_new_one) {
  unsigned points = 0;
  for (const bool with_spares : {false, true})
    for (int loss = -1; loss < 5; ++loss)
      for (std::uint64_t budget = 0, done = 0; !done; ++budget)
        for (std::uint64_t seed = 0; seed < 4; ++seed) {
          SCOPED_TRACE("loss " + std::to_string(loss) + " budget " + std::to_string(budget));
          Bench bench;
          fill(bench);
          if (with_spares) {
            ASSERT_TRUE(bench.log().drop_through({LogIndex{7}, Term{2}}));
          }
          bench.close();
          bench.restore();
          bench.reopen();
          const Model old = bench.model;
          Model anew = bench.model;
          anew.reset(kAt, membership_of(5));
          bench.disk().crash_after(budget);
          done = bench.log().reset(kAt, membership_of(5)).has_value() ? 1 : 0;
          if (loss < 0)
            bench.disk().kill_process();
          else
            bench.disk().lose_power(kLosses[loss]);
          ++points;
          Model found = old;
          {
            const auto opened = bench.open();
            ASSERT_TRUE(opened) << opened.error().text;
            ASSERT_FALSE(opened->created);
            const bool is_new = equals(*opened, anew);
            ASSERT_TRUE(is_new || (!done && equals(*opened, old)));
            if (is_new) found = anew;
          }
          bench.disk().lose_power(Loss::all);
          ASSERT_TRUE(equals(*bench.open(), found)) << "what recovery showed was not durable";
        }
  EXPECT_GT(points, 400u);
  RecordProperty("crash_points", static_cast<int>(points));
}

TEST(LogReset, what_is_left_of_the_old_log_may_be_damaged) {
  for (const unsigned left : {1, 2, 3}) {
    Bench bench;
    fill(bench);
    bench.close();
    bench.restore();
    bench.reopen();
    std::vector<std::string> old;
    for (std::uint64_t i = 1; i <= 3; ++i) old.push_back(*bench.disk().contents(segment_name(i)));
    reset(bench);
    bench.batch(1, 7);
    bench.close();
    // As if a crash had kept some of them, and they had rotted since.
    for (std::uint64_t i = 1; i <= 3; ++i) {
      if ((i & left) == 0) continue;
      bench.disk().put(segment_name(i), old[i - 1]);
      bench.disk().flip_bit(segment_name(i), 50, 0);
      bench.disk().flip_bit(segment_name(i), 4096 + 100, 0);
    }
    EXPECT_FALSE(*bench.find());
    EXPECT_TRUE(equals(*bench.open(), bench.model));
    const auto names = *bench.disk().list();
    EXPECT_EQ(std::ranges::count_if(names, [](const auto& n) { return n.starts_with("log-"); }), 1);
  }
}

TEST(LogReset, a_failure_is_final) {
  for (const bool write : {true, false}) {
    Bench bench;
    fill(bench);
    write ? bench.disk().fail_writes(1) : bench.disk().fail_syncs(1);
    EXPECT_EQ(bench.log().reset(kAt, {}).error().code, Errc::io);
    EXPECT_EQ(bench.log().reset(kAt, {}).error().code, Errc::io);
    EXPECT_FALSE(bench.log().append(appending({command(16, 3, "x")})));
  }
}

TEST(LogReset, bug_reset_removes_log_first_loses_it_in_a_crash) {
  switch_bug_on(Bug::reset_removes_log_first);
  bool lost = false;
  for (std::uint64_t budget = 0; budget < 12; ++budget) {
    Bench bench;
    fill(bench);
    bench.disk().crash_after(budget);
    static_cast<void>(bench.log().reset(kAt, membership_of(5)));
    bench.disk().lose_power(Loss::all);
    const auto opened = bench.open();
    lost = lost || (opened && opened->created);
  }
  switch_bug_on(Bug::none);
  EXPECT_TRUE(lost);
}

}  // namespace
}  // namespace lockstep::storage
