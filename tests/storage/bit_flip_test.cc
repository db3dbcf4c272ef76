// One flipped bit anywhere in log, vote file or manifest: the same content comes back, or the
// damage is told; never other content. (A flip in the very last batch makes it a torn tail: told by
// torn_tail_cut.)
#include <gtest/gtest.h>

#include "storage/log_format.h"
#include "storage/manifest.h"
#include "storage/segment.h"
#include "storage/slots.h"
#include "storage/vote_file.h"
#include "tests/storage/support.h"

namespace lockstep::storage {
namespace {

using namespace test;
using sim::SimDisk;

struct Tally {
  unsigned same = 0;
  unsigned detected = 0;  // open() refuses
  unsigned cut = 0;
  [[nodiscard]] unsigned all() const { return same + detected + cut; }
};

// A log with spares behind it: files used again, a tail that was overridden, memberships.
class BitFlip : public testing::Test {
 protected:
  BitFlip() {
    bench_.membership(1, 1);
    for (int i = 0; i < 8; ++i) bench_.batch(2, 1, 300);
    const bool dropped = bench_.log().drop_through({LogIndex{9}, Term{1}}).has_value();
    EXPECT_TRUE(dropped);
    bench_.truncate(15);
    for (int i = 0; i < 3; ++i) bench_.batch(1, 2, 900);
    bench_.membership(2, 2);
    before_last_ = bench_.model;
    bench_.batch(2, 3, 50);
    bench_.close();
    bench_.restore();
  }

  void flip_and_open(const std::string& name, std::uint64_t offset, unsigned bit) {
    bench_.disk().flip_bit(name, offset, bit);
    auto opened = bench_.open();
    if (!opened) {
      ASSERT_EQ(opened.error().code, Errc::corrupt) << opened.error().text;
      ++tally_.detected;
      bench_.disk().flip_bit(name, offset, bit);
      return;
    }
    const bool cut = opened->torn_tail_cut && equals(*opened, before_last_);
    const bool same = !cut && equals(*opened, bench_.model);
    ASSERT_TRUE(same || cut) << "other content";
    ++(cut ? tally_.cut : tally_.same);
    opened->log.reset();
    bench_.restore();
  }

  Bench bench_;
  Model before_last_;
  Tally tally_;
};

TEST_F(BitFlip, in_the_log_gives_the_same_or_is_told) {
  const auto names = *bench_.disk().list();
  unsigned salt = 0;
  for (const auto& name : names) {
    const std::string bytes = *bench_.disk().contents(name);
    for (std::uint64_t at = 0; at < bytes.size(); ++at) {
      // All of headers and of the short bodies, a sample of the rest.
      const bool dense = at % kBlockBytes < 200;
      if (!dense && at % 61 != 0) continue;
      for (unsigned bit = 0; bit < 8; ++bit) {
        if ((at + bit + salt++) % (dense ? 3 : 8) != 0) continue;
        flip_and_open(name, at, bit);
        if (HasFatalFailure()) {
          ADD_FAILURE() << name << " offset " << at << " bit " << bit;
          return;
        }
      }
    }
  }
  RecordProperty("flips", static_cast<int>(tally_.all()));
  RecordProperty("same", static_cast<int>(tally_.same));
  RecordProperty("detected", static_cast<int>(tally_.detected));
  RecordProperty("cut", static_cast<int>(tally_.cut));
  EXPECT_GT(tally_.all(), 5000u);
  EXPECT_GT(tally_.detected, 1000u);
  // The last batch: its header and body, no more.
  EXPECT_GT(tally_.cut, 50u);
  EXPECT_LT(tally_.cut, 8 * (kBatchHeaderBytes + 2 * 63));
}

// The same flips with everything in the database: nothing but the last batch can be lost.
TEST_F(BitFlip, in_what_the_database_holds_costs_nothing) {
  const std::uint64_t durable = before_last_.last_index();
  const auto names = *bench_.disk().list();
  unsigned refused = 0;
  unsigned opened_with_damage = 0;
  for (const auto& name : names) {
    if (!segment_sequence(name)) continue;
    for (std::uint64_t at = 5; at < bench_.disk().contents(name)->size(); at += 37) {
      bench_.disk().flip_bit(name, at, at % 8);
      const bool damaged = !bench_.open().has_value();
      // The first open() may have cut the last batch already.
      if (!damaged) {
        bench_.restore();
        bench_.disk().flip_bit(name, at, at % 8);
      }
      auto opened = bench_.open(durable);
      if (!opened) {
        ++refused;
      } else {
        const bool cut = opened->torn_tail_cut && equals(*opened, before_last_);
        ASSERT_TRUE(cut || equals(*opened, bench_.model)) << name << " offset " << at;
        if (damaged) ++opened_with_damage;
      }
      opened = std::unexpected(Error{});
      bench_.restore();
    }
  }
  EXPECT_GT(opened_with_damage, 50u);
  // A lost membership with no segment behind it, which only a peer can put back.
  EXPECT_LT(refused, 10u);
}

template <class Open>
void flip_slots(SimDisk& disk, const std::string& name, unsigned& flips, Open same) {
  const std::string good = *disk.contents(name);
  for (std::uint64_t at = 0; at < good.size(); ++at) {
    if (at % kSlotBytes > 300 && at % 13 != 0) continue;
    const unsigned bit = static_cast<unsigned>(at % 8);
    disk.flip_bit(name, at, bit);
    ASSERT_TRUE(same()) << name << " offset " << at << " bit " << bit;
    ++flips;
    // The other slot too: never an older state, never a fresh one.
    disk.put(name, good);
    disk.flip_bit(name, at, bit);
    disk.flip_bit(name, (at + kSlotBytes) % good.size(), bit);
    const bool padding = at % kSlotBytes > 300;
    const auto found = same();
    ASSERT_TRUE(found || !padding);
    ++flips;
    disk.put(name, good);
  }
}

TEST(BitFlipSlots, in_a_vote_file_gives_the_same_or_is_told) {
  SimDisk disk(Rng(1));
  const NodeId self{"n1"};
  const raft::HardState state{.term = Term{4}, .vote = NodeId{"n3"}};
  ASSERT_TRUE((*VoteFile::open(disk, self))->store({.term = Term{3}, .vote = NodeId{"n2"}}));
  ASSERT_TRUE((*VoteFile::open(disk, self))->store(state));
  unsigned flips = 0;
  flip_slots(disk, "vote", flips, [&] {
    const auto file = VoteFile::open(disk, self);
    EXPECT_TRUE(file ? (*file)->state() == state : file.error().code == Errc::corrupt);
    return file.has_value();
  });
  RecordProperty("flips", static_cast<int>(flips));
  EXPECT_GT(flips, 2000u);
}

TEST(BitFlipSlots, in_a_manifest_gives_the_same_or_is_told) {
  SimDisk disk(Rng(1));
  DurableState state{.index = LogIndex{300}, .term = Term{7}};
  ASSERT_TRUE((*Manifest::open(disk))->store(state));
  state.index = LogIndex{301};
  state.image_membership = raft::encode(membership_of(3));
  state.installing = true;
  ASSERT_TRUE((*Manifest::open(disk))->store(state));
  unsigned flips = 0;
  flip_slots(disk, "manifest", flips, [&] {
    const auto file = Manifest::open(disk);
    EXPECT_TRUE(file ? (*file)->current() == state : file.error().code == Errc::corrupt);
    return file.has_value();
  });
  RecordProperty("flips", static_cast<int>(flips));
  EXPECT_GT(flips, 2000u);
}

}  // namespace
}  // namespace lockstep::storage
