// find_log_damage() and repair_log(): a batch is put back from a peer's entries only as the very
// bytes that stood there, one batch after the other, and a crash in between costs nothing.
#include <gtest/gtest.h>

#include "storage/log_format.h"
#include "storage/segment.h"
#include "tests/storage/support.h"

namespace lockstep::storage {
namespace {

using namespace test;
using sim::Loss;
using sim::SimDisk;

// Segment 1: entry 1 (membership), 2-3 (two blocks). Segment 2: 4-5, 6 (membership), 7.
// Segment 3: 8, 9.
class LogRepair : public testing::Test {
 protected:
  LogRepair() {
    bench_.membership(1, 1);
    bench_.batch(2, 1, 3000);
    bench_.batch(2, 2);
    bench_.membership(2, 2);
    bench_.batch(1, 3);
    bench_.batch(1, 3);
    bench_.batch(1, 4);
    bench_.close();
    bench_.restore();
  }
  void flip(std::uint64_t sequence, std::uint64_t offset, unsigned bit = 0) {
    bench_.disk().flip_bit(segment_name(sequence), offset, bit);
  }
  LogDamage found() {
    const auto damage = bench_.find();
    EXPECT_TRUE(damage && *damage);
    return damage && *damage ? **damage : LogDamage{};
  }
  // No entries will do, but an image at `index`.
  void expect_needs_image(std::uint64_t index) {
    const LogDamage damage = found();
    EXPECT_EQ(damage.count, 0u);
    EXPECT_EQ(damage.image_from, LogIndex{index});
    EXPECT_EQ(bench_.open(index - 1).error().code, Errc::corrupt);
    EXPECT_EQ(repair_log(bench_.disk(), {}, bench_.model.range(2, 4)).error().code, Errc::corrupt);
  }
  void expect_sound() {
    const auto damage = bench_.find();
    ASSERT_TRUE(damage && !*damage);
    const auto opened = bench_.open();
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_TRUE(equals(*opened, bench_.model));
  }
  Bench bench_;
};

TEST_F(LogRepair, a_sound_log_needs_none) {
  const auto before = bench_.disk().operations();
  expect_sound();
  EXPECT_EQ(repair_log(bench_.disk(), {}, bench_.model.range(1, 2)).error().code, Errc::refused);
  EXPECT_GT(bench_.disk().operations(), before);  // of open() alone
}

// Every byte of every batch that is not the last one of the log.
TEST_F(LogRepair, any_damaged_batch_is_named_and_put_back) {
  struct Case {
    std::uint64_t sequence, offset, first, count;
  };
  for (const Case& c : {Case{1, 4096, 1, 1}, Case{1, 8192, 2, 2}, Case{2, 4096, 4, 2},
                        Case{2, 8192, 6, 1}, Case{2, 12288, 7, 1}, Case{3, 4096, 8, 1}}) {
    bench_.restore();
    const std::string good = *bench_.disk().contents(segment_name(c.sequence));
    const auto header = decode_batch_header(std::string_view(good).substr(c.offset));
    ASSERT_TRUE(header);
    const std::uint64_t bytes = kBatchHeaderBytes + header->body_bytes;
    for (std::uint64_t i = 0; i < bytes; i += i < 160 ? 1 : 97) {
      SCOPED_TRACE("batch at " + std::to_string(c.first) + " byte " + std::to_string(i));
      bench_.restore();
      flip(c.sequence, c.offset + i, i % 8);
      ASSERT_EQ(bench_.open().error().code, Errc::corrupt);
      const LogDamage damage = found();
      ASSERT_EQ(damage.first, LogIndex{c.first});
      ASSERT_EQ(damage.count, c.count);
      ASSERT_NE(damage.text.find(segment_name(c.sequence)), std::string::npos) << damage.text;
      ASSERT_TRUE(repair_log(bench_.disk(), {}, bench_.entries_for(damage)));
      bench_.disk().lose_power(Loss::all);
      ASSERT_EQ(bench_.disk().contents(segment_name(c.sequence)), good);
      expect_sound();
      if (HasFailure()) return;
    }
  }
}

TEST_F(LogRepair, a_batch_that_vanished_or_went_elsewhere_is_put_back) {
  const std::string good = *bench_.disk().contents(segment_name(2));
  for (const std::string& instead :
       {std::string(kBlockBytes, '\0'), std::string(kBlockBytes, 'x'), good.substr(12288, 4096)}) {
    bench_.restore();
    std::string bytes = good;
    bytes.replace(8192, kBlockBytes, instead);
    bench_.disk().put(segment_name(2), bytes);
    const LogDamage damage = found();
    EXPECT_EQ(damage.first, LogIndex{6});
    ASSERT_TRUE(repair_log(bench_.disk(), {}, bench_.entries_for(damage)));
    EXPECT_EQ(bench_.disk().contents(segment_name(2)), good);
    expect_sound();
  }
}

TEST_F(LogRepair, a_file_cut_short_is_made_whole) {
  bench_.disk().put(segment_name(2), bench_.disk().contents(segment_name(2))->substr(0, 12400));
  const LogDamage damage = found();
  EXPECT_EQ(damage.first, LogIndex{7});
  ASSERT_TRUE(repair_log(bench_.disk(), {}, bench_.entries_for(damage)));
  expect_sound();
}

TEST_F(LogRepair, other_entries_are_refused_and_change_nothing) {
  flip(1, 8192 + 100);
  const LogDamage damage = found();
  const auto right = bench_.entries_for(damage);
  std::vector<std::vector<raft::Entry>> wrong{
      {}, {right[0]}, bench_.model.range(2, 5), bench_.model.range(1, 3), {right[1], right[0]}};
  for (std::size_t i = 0; i < right.size(); ++i) {
    wrong.push_back(right);
    wrong.back()[i].term = Term{2};
    wrong.push_back(right);
    wrong.back()[i].kind = raft::EntryKind::noop;
    wrong.push_back(right);
    wrong.back()[i].payload = Blob(std::string(3000, 'y'));
    wrong.push_back(right);
    wrong.back()[i].payload = Blob(std::string(2999, 'x'));
  }
  const std::string before = *bench_.disk().contents(segment_name(1));
  for (const auto& entries : wrong) {
    EXPECT_EQ(repair_log(bench_.disk(), {}, entries).error().code, Errc::refused);
    ASSERT_EQ(bench_.disk().contents(segment_name(1)), before);
  }
  ASSERT_TRUE(repair_log(bench_.disk(), {}, right));
  expect_sound();
}

TEST_F(LogRepair, several_are_put_back_one_after_the_other) {
  flip(1, 4096 + 100);  // body of 1
  flip(1, 8192 + 10);   // header of 2-3, the last one of its segment
  flip(2, 4096 + 100);  // body of 4-5
  flip(2, 12288 + 10);  // header of 7
  for (const std::uint64_t first : {1, 2, 4, 7}) {
    const LogDamage damage = found();
    EXPECT_EQ(damage.first, LogIndex{first});
    ASSERT_TRUE(repair_log(bench_.disk(), {}, bench_.entries_for(damage)));
  }
  expect_sound();
}

TEST_F(LogRepair, two_bad_headers_in_a_row_prove_nothing) {
  flip(2, 4096 + 10);
  flip(2, 8192 + 10);
  expect_needs_image(6);
}

TEST_F(LogRepair, a_bad_header_before_a_bad_body_is_proven_by_that_ones_header) {
  flip(2, 4096 + 10);
  flip(2, 8192 + 100);
  for (const std::uint64_t first : {4, 6}) {
    const LogDamage damage = found();
    EXPECT_EQ(damage.first, LogIndex{first});
    ASSERT_TRUE(repair_log(bench_.disk(), {}, bench_.entries_for(damage)));
  }
  expect_sound();
}

TEST_F(LogRepair, a_segment_header_that_cannot_be_known_proves_nothing) {
  flip(2, 50);
  flip(2, 4096 + 10);
  expect_needs_image(7);
}

TEST_F(LogRepair, what_the_last_segment_was_born_with_is_named_by_its_own_header) {
  Bench bench;
  for (int i = 0; i < 4; ++i) bench.batch(1, 1);
  bench.close();
  bench.restore();
  bench.disk().flip_bit(segment_name(2), 4096 + 100, 0);
  const auto damage = bench.find();
  ASSERT_TRUE(damage && *damage);
  EXPECT_EQ((*damage)->first, LogIndex{4});
  ASSERT_TRUE(repair_log(bench.disk(), {}, bench.entries_for(**damage)));
  EXPECT_TRUE(equals(*bench.open(), bench.model));
  // With a bad header nothing tells how many entries it had.
  bench.restore();
  bench.disk().flip_bit(segment_name(2), 4096 + 10, 0);
  EXPECT_FALSE(*bench.find());
  EXPECT_EQ(bench.open().error().code, Errc::corrupt);
}

TEST_F(LogRepair, a_crash_in_between_leaves_it_to_be_done_again) {
  for (const Loss loss : kLosses)
    for (std::uint64_t budget = 0; budget < 3; ++budget) {
      SCOPED_TRACE("loss " + std::to_string(static_cast<int>(loss)) + " budget " +
                   std::to_string(budget));
      bench_.restore();
      flip(1, 8192 + 10);
      const auto entries = bench_.entries_for(found());
      bench_.disk().crash_after(budget);
      const bool done = repair_log(bench_.disk(), {}, entries).has_value();
      EXPECT_EQ(done, budget == 2);
      bench_.disk().lose_power(loss);
      if (const auto damage = bench_.find(); *damage) {
        ASSERT_FALSE(done);
        ASSERT_TRUE(repair_log(bench_.disk(), {}, bench_.entries_for(**damage)));
      }
      expect_sound();
    }
}

TEST_F(LogRepair, a_failed_write_or_sync_is_told) {
  flip(1, 8192 + 100);
  const auto entries = bench_.entries_for(found());
  bench_.disk().fail_writes(1);
  EXPECT_EQ(repair_log(bench_.disk(), {}, entries).error().code, Errc::io);
  bench_.restore();
  flip(1, 8192 + 100);
  bench_.disk().fail_syncs(1);
  EXPECT_EQ(repair_log(bench_.disk(), {}, entries).error().code, Errc::io);
}

TEST_F(LogRepair, needs_no_space) {
  flip(1, 8192 + 100);
  bench_.disk().set_full(true);
  ASSERT_TRUE(repair_log(bench_.disk(), {}, bench_.entries_for(found())));
  expect_sound();
}

// Drawn histories, drawn damage, healed from a peer that has the whole log.
TEST(LogRepairDrawn, ends_with_the_same_log_or_with_a_refusal) {
  unsigned healed = 0;
  unsigned passed_over = 0;
  unsigned refused = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    const History history = draw_history(seed % 150, 30);
    const Model& model = history.models.back();
    SimDisk disk(rng.derive("disk"));
    {
      auto opened = open_log(disk);
      for (const Step& step : history.steps) ASSERT_TRUE(step.carry_out(*opened.log));
    }
    const auto names = *disk.list();
    const std::uint64_t durable =
        rng.chance(1, 2) ? rng.between(model.begin.index.value, model.last_index()) : 0;
    const unsigned flips = static_cast<unsigned>(rng.between(1, 3));
    for (unsigned i = 0; i < flips; ++i) {
      const auto& name = names[rng.below(names.size())];
      const std::uint64_t offset = rng.below(disk.contents(name)->size() / 4096) * 4096;
      disk.flip_bit(name, offset + rng.below(160), static_cast<unsigned>(rng.below(8)));
    }
    bool repaired = false;
    for (unsigned tries = 0;; ++tries) {
      ASSERT_LT(tries, 10u);
      const auto damage = find_log_damage(disk, {LogIndex{durable}});
      ASSERT_TRUE(damage);
      if (!*damage) break;
      const std::uint64_t first = (*damage)->first.value;
      const std::uint64_t end = first + (*damage)->count;
      if (first <= model.begin.index.value || end > model.last_index() + 1) break;
      const auto done = repair_log(disk, {LogIndex{durable}}, model.range(first, end));
      if (!done) {
        ASSERT_EQ(done.error().code, Errc::refused);
        break;
      }
      repaired = true;
    }
    auto opened = RaftLog::open(disk, {.segment_bytes = 16384, .durable = {LogIndex{durable}}});
    if (!opened) {
      ASSERT_EQ(opened.error().code, Errc::corrupt);
      ++refused;
      continue;
    }
    if (repaired) ++healed;
    if (opened->recovered.base.index > model.begin.index) ++passed_over;
    // A bad last batch is a torn tail, and cut; then the one before is the last. Of five entries at
    // the most.
    Model left = model;
    const std::uint64_t last = opened->recovered.base.index.value + opened->recovered.terms.size();
    ASSERT_LE(model.last_index() - last, 5 * flips);
    if (opened->torn_tail_cut) left.entries.resize(last - left.begin.index.value);
    ASSERT_TRUE(equals(*opened, left));
  }
  RecordProperty("healed", static_cast<int>(healed));
  RecordProperty("passed_over", static_cast<int>(passed_over));
  RecordProperty("refused", static_cast<int>(refused));
  EXPECT_GT(healed, 300u);
  EXPECT_GT(passed_over, 300u);
  EXPECT_LT(refused, 500u);
}

}  // namespace
}  // namespace lockstep::storage
