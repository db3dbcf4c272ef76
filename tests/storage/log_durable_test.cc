// LogOptions::durable: damage to entries that the database holds costs nothing, where the log can
// begin behind it with term and membership beyond doubt; damage above the durable index is never
// passed over. And damage to what a later segment overrides costs nothing at all.
#include <gtest/gtest.h>

#include "storage/log_format.h"
#include "storage/segment.h"
#include "tests/storage/support.h"

namespace lockstep::storage {
namespace {

using namespace test;

std::uint64_t block(std::uint64_t number) {
  return number * kBlockBytes;
}

// The log opens with exactly the entries above `base`, is durable and goes on.
void expect_begins_after(Bench& bench, std::uint64_t durable, std::uint64_t base) {
  Model model = bench.model;
  for (const bool again : {false, true}) {
    auto opened = bench.open(durable);
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_EQ(opened->recovered.base.index, LogIndex{base});
    ASSERT_TRUE(equals(*opened, model)) << "opened again: " << again;
    const auto more = appending({config(model.last_index() + 1, 90, 9)});
    ASSERT_TRUE(opened->log->append(more));
    model.apply(more);
    opened->log.reset();
    bench.disk().lose_power(sim::Loss::all);
  }
}

void expect_corrupt(Bench& bench, std::uint64_t durable) {
  const auto names = *bench.disk().list();
  std::vector<std::string> before;
  for (const auto& name : names) before.push_back(*bench.disk().contents(name));
  const auto opened = bench.open(durable);
  ASSERT_FALSE(opened) << "taken for good, from " << opened->recovered.base.index.value;
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  ASSERT_EQ(*bench.disk().list(), names);
  for (std::size_t i = 0; i < names.size(); ++i)
    EXPECT_EQ(bench.disk().contents(names[i]), before[i]) << "changed";
}

class LogDurable : public testing::Test {
 protected:
  // Segment 1: entry 1 (membership), 2-3, 4. Segment 2: 5-6, 7, 8. Segment 3: 9-10, 11.
  LogDurable() {
    bench_.membership(1, 1);
    bench_.batch(2, 1);
    bench_.batch(1, 2);
    bench_.batch(2, 2);
    bench_.batch(1, 3);
    bench_.batch(1, 3);
    bench_.batch(2, 4);
    bench_.batch(1, 4);
    bench_.close();
  }
  void restore_and_flip(std::uint64_t sequence, std::uint64_t offset) {
    bench_.restore();
    bench_.disk().flip_bit(segment_name(sequence), offset, 3);
  }
  Bench bench_;
};

TEST_F(LogDurable, nothing_is_passed_over_without_damage) {
  bench_.restore();
  expect_begins_after(bench_, 10, 0);
}

// Header (20: number) and body (85) of each batch in the middle, against every durable index.
TEST_F(LogDurable, the_log_begins_behind_a_bad_batch_once_the_database_holds_it) {
  struct Case {
    std::uint64_t sequence, at, last;
  };
  for (const Case& c : {Case{1, block(1), 1}, Case{1, block(2), 3}, Case{1, block(3), 4},
                        Case{2, block(1), 6}, Case{2, block(2), 7}, Case{3, block(1), 10}})
    for (const std::uint64_t byte : {10, 85})
      for (std::uint64_t durable = 0; durable <= 11; ++durable) {
        SCOPED_TRACE("last " + std::to_string(c.last) + " byte " + std::to_string(byte) +
                     " durable " + std::to_string(durable));
        restore_and_flip(c.sequence, c.at + byte);
        // Entry 1 is a membership; who loses it has to begin with the next segment.
        const std::uint64_t base = c.last == 1 ? 4 : c.last;
        if (durable < base)
          expect_corrupt(bench_, durable);
        else
          expect_begins_after(bench_, durable, base);
        if (HasFailure()) return;
      }
}

TEST_F(LogDurable, the_log_begins_behind_the_last_of_several) {
  restore_and_flip(1, block(2) + 85);
  bench_.disk().flip_bit(segment_name(2), block(2) + 85, 0);
  expect_corrupt(bench_, 6);
  expect_begins_after(bench_, 7, 7);
}

TEST_F(LogDurable, a_bad_batch_above_the_durable_index_is_named_though_one_below_is_passed_over) {
  restore_and_flip(1, block(2) + 85);
  bench_.disk().flip_bit(segment_name(2), block(2) + 85, 0);
  const auto damage = bench_.find(6);
  ASSERT_TRUE(damage && *damage);
  EXPECT_EQ((*damage)->first, LogIndex{7});
  ASSERT_TRUE(repair_log(bench_.disk(), {LogIndex{6}}, bench_.entries_for(**damage)));
  expect_begins_after(bench_, 6, 3);
}

TEST_F(LogDurable, a_missing_or_headless_segment_costs_nothing_below_the_durable_index) {
  for (const bool missing : {true, false})
    for (const std::uint64_t durable : {7, 8}) {
      SCOPED_TRACE("missing " + std::to_string(missing));
      bench_.restore();
      if (missing) {
        ASSERT_TRUE(bench_.disk().remove(segment_name(2)));
      } else {
        // Header and first batch: nothing tells what the header was.
        bench_.disk().flip_bit(segment_name(2), 50, 0);
        bench_.disk().flip_bit(segment_name(2), block(1) + 10, 0);
      }
      if (durable < 8)
        expect_corrupt(bench_, durable);
      else
        expect_begins_after(bench_, durable, 8);
    }
}

TEST_F(LogDurable, a_crash_while_it_is_opened_changes_nothing) {
  // Behind a batch; behind a segment; with a header mended.
  for (const int kind : {0, 1, 2})
    for (const sim::Loss loss : kLosses)
      for (std::uint64_t budget = 0, done = 0; !done; ++budget) {
        SCOPED_TRACE("kind " + std::to_string(kind) + " budget " + std::to_string(budget));
        bench_.restore();
        bench_.disk().flip_bit(segment_name(2), kind == 0 ? block(1) + 100 : 50, 0);
        if (kind == 1) bench_.disk().flip_bit(segment_name(2), block(1) + 10, 0);
        bench_.disk().crash_after(budget);
        done = bench_.open(8).has_value() ? 1 : 0;
        bench_.disk().lose_power(loss);
        expect_begins_after(bench_, 8, kind == 0 ? 6 : kind == 1 ? 8 : 0);
        if (HasFailure()) return;
      }
}

TEST_F(LogDurable, the_header_of_the_last_segment_is_never_passed_over) {
  restore_and_flip(3, 50);
  bench_.disk().flip_bit(segment_name(3), block(1) + 10, 0);
  expect_corrupt(bench_, 100);
}

TEST_F(LogDurable, what_a_segment_was_born_with_is_not_passed_over_with_nothing_behind_it) {
  Bench bench;
  bench.batch(1, 1);
  bench.batch(1, 1);
  bench.batch(1, 1);
  bench.batch(1, 1);
  bench.close();
  bench.restore();
  bench.disk().flip_bit(segment_name(2), block(1) + 85, 0);
  expect_corrupt(bench, 100);
}

TEST(LogLostMembership, is_never_guessed) {
  Bench bench;
  bench.membership(1, 1);
  bench.membership(1, 2);  // lost below
  bench.batch(1, 1);
  bench.batch(1, 1);  // segment 2
  bench.close();
  for (const std::uint64_t byte : {10, 85}) {
    bench.restore();
    bench.disk().flip_bit(segment_name(1), block(2) + byte, 0);
    expect_corrupt(bench, 2);
    const auto damage = bench.find(2);
    ASSERT_TRUE(damage && *damage);
    EXPECT_EQ((*damage)->first, LogIndex{2});
    // The header of segment 2 names the membership after entry 3.
    expect_begins_after(bench, 3, 3);
  }
}

TEST(LogLostMembership, one_that_was_read_before_the_damage_is_known) {
  Bench bench;
  bench.membership(1, 1);
  bench.batch(1, 2);
  bench.batch(1, 3);
  bench.close();
  bench.restore();
  bench.disk().flip_bit(segment_name(1), block(2) + 85, 0);
  const auto opened = bench.open(2);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(opened->recovered.base, (raft::Position{LogIndex{2}, Term{2}}));
  EXPECT_EQ(opened->recovered.base_membership, membership_of(1));
  EXPECT_TRUE(equals(*opened, bench.model));
}

// A deposed leader's tail, overridden by segment 2: nobody has these entries any more.
class LogOverridden : public testing::Test {
 protected:
  LogOverridden() {
    bench_.batch(2, 1);
    bench_.batch(2, 1);  // lost, 3-4
    bench_.batch(1, 1);  // lost or intact, 5
    bench_.truncate(2);
    bench_.batch(3, 2);
    bench_.close();
    bench_.restore();
  }
  Bench bench_;
};

TEST_F(LogOverridden, costs_nothing) {
  bench_.disk().flip_bit(segment_name(1), block(2) + 85, 0);
  expect_begins_after(bench_, 0, 0);
}

TEST_F(LogOverridden, costs_nothing_at_its_end) {
  bench_.disk().flip_bit(segment_name(1), block(3) + 10, 0);
  expect_begins_after(bench_, 0, 0);
}

TEST_F(LogOverridden, does_not_cover_what_is_still_in_force) {
  bench_.disk().flip_bit(segment_name(1), block(1) + 85, 0);
  expect_corrupt(bench_, 0);
  const auto damage = bench_.find();
  ASSERT_TRUE(damage && *damage);
  EXPECT_EQ((*damage)->first, LogIndex{1});
}

TEST(LogOverriddenInPart, is_corruption_until_the_database_holds_it) {
  Bench bench;
  bench.batch(2, 1);
  bench.batch(3, 1);  // 3-5, of which 3 stays in force
  bench.truncate(3);
  bench.batch(3, 2);
  bench.close();
  for (const std::uint64_t byte : {10, 85}) {
    bench.restore();
    bench.disk().flip_bit(segment_name(1), block(2) + byte, 0);
    expect_corrupt(bench, 2);
    // Whoever has entry 4 of term 2 cannot put back that of term 1.
    const auto damage = bench.find(2);
    ASSERT_TRUE(damage && *damage);
    EXPECT_EQ(repair_log(bench.disk(), {LogIndex{2}}, bench.entries_for(**damage)).error().code,
              Errc::refused);
    expect_begins_after(bench, 3, 3);
  }
}

TEST(LogCutOnly, a_headless_segment_without_batches_is_made_up_for_by_the_next) {
  Bench bench;
  bench.batch(2, 1);
  bench.batch(2, 1);
  bench.truncate(3);  // segment 2 holds nothing else
  bench.truncate(2);
  bench.batch(1, 5);         // segment 3
  bench.batch(1, 5, 16000);  // segment 4
  bench.close();
  bench.restore();
  bench.disk().flip_bit(segment_name(2), 50, 0);
  expect_begins_after(bench, 0, 0);
  bench.restore();
  ASSERT_TRUE(bench.disk().remove(segment_name(2)));
  expect_begins_after(bench, 0, 0);
  bench.restore();
  ASSERT_TRUE(bench.disk().remove(segment_name(3)));
  expect_corrupt(bench, 0);
}

}  // namespace
}  // namespace lockstep::storage
