// LogOptions::durable of a database that came as an image: it says which membership is in force at
// its index, so that a log that lost a change of it can begin there, and keeps what leads on.
#include <gtest/gtest.h>

#include "storage/log_format.h"
#include "storage/segment.h"
#include "tests/storage/support.h"

namespace lockstep::storage {
namespace {

using namespace test;

class LogImage : public testing::Test {
 protected:
  // Segment 1: entries 1-2, 3 (membership), 4-5. Segment 2: 6, 7, 8. Segment 3: 9-10, 11.
  LogImage() {
    bench_.batch(2, 1);
    bench_.membership(1, 1);
    bench_.batch(2, 2);
    for (int i = 0; i < 3; ++i) bench_.batch(1, 2);
    bench_.batch(2, 3);
    bench_.batch(1, 3);
    bench_.close();
  }
  // Entry 3 is lost.
  void restore_and_damage() {
    bench_.restore();
    bench_.disk().flip_bit(segment_name(1), 2 * kBlockBytes + 10, 0);
  }
  [[nodiscard]] Covered image_at(std::uint64_t index) const {
    return {.index = LogIndex{index},
            .term = bench_.model.term_at(index),
            .membership = raft::encode(membership_of(1))};
  }
  void expect_begins_at(const Covered& image) {
    // Opened again, the log itself knows, whatever the database says.
    for (const Covered& covered : {image, Covered{.index = image.index}}) {
      const auto opened = bench_.open(covered);
      ASSERT_TRUE(opened) << opened.error().text;
      EXPECT_EQ(opened->recovered.base.index, image.index);
      EXPECT_TRUE(equals(*opened, bench_.model));
      bench_.disk().lose_power(sim::Loss::all);
    }
  }
  Bench bench_;
};

TEST_F(LogImage, makes_up_for_a_lost_change_and_what_follows_is_kept) {
  restore_and_damage();
  const auto damage = bench_.find(11);
  ASSERT_TRUE(damage && !*damage);  // at 5 the next segment begins
  for (std::uint64_t index = 0; index <= 11; ++index) {
    SCOPED_TRACE("image at " + std::to_string(index));
    restore_and_damage();
    if (index < 3)
      EXPECT_EQ(bench_.open(image_at(index)).error().code, Errc::corrupt);
    else
      expect_begins_at(image_at(index));
  }
}

TEST_F(LogImage, is_needed_where_nobody_else_says_what_the_change_was) {
  restore_and_damage();
  EXPECT_EQ(bench_.open(4).error().code, Errc::corrupt);
  const auto damage = bench_.find(4);
  ASSERT_TRUE(damage && *damage);
  EXPECT_EQ((*damage)->first, LogIndex{3});
  EXPECT_EQ((*damage)->image_from, LogIndex{3});
}

TEST_F(LogImage, of_another_history_voids_what_follows) {
  restore_and_damage();
  Covered image = image_at(7);
  image.term = Term{9};
  for (int i = 0; i < 2; ++i) {
    const auto opened = bench_.open(image);
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_EQ(opened->recovered.base, (raft::Position{LogIndex{7}, Term{9}}));
    EXPECT_EQ(opened->recovered.base_membership, membership_of(1));
    EXPECT_TRUE(opened->recovered.terms.empty());
  }
}

TEST_F(LogImage, beyond_the_end_begins_the_log_anew) {
  restore_and_damage();
  Covered image = image_at(11);
  image.index = LogIndex{20};
  const auto opened = bench_.open(image);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(opened->recovered.base.index, LogIndex{20});
  EXPECT_TRUE(opened->recovered.terms.empty());
}

TEST_F(LogImage, serves_with_a_later_change_in_the_log_and_with_more_damage) {
  Bench& bench = bench_;
  bench.restore();
  bench.reopen();
  bench.membership(3, 7);  // entry 12
  bench.batch(1, 3);
  bench.close();
  for (const bool twice : {false, true}) {
    restore_and_damage();
    if (twice) bench.disk().flip_bit(segment_name(2), 2 * kBlockBytes + 100, 0);  // entry 7
    expect_begins_at(image_at(8));
  }
}

TEST_F(LogImage, takes_effect_whole_or_not_at_all) {
  for (const sim::Loss loss : kLosses) {
    bool done = false;
    for (std::uint64_t budget = 0; !done; ++budget) {
      SCOPED_TRACE("operations " + std::to_string(budget));
      restore_and_damage();
      bench_.disk().crash_after(budget);
      done = bench_.open(image_at(6)).has_value();
      bench_.disk().lose_power(loss);
      expect_begins_at(image_at(6));
      ASSERT_LT(budget, 60u);
    }
  }
}

}  // namespace
}  // namespace lockstep::storage
