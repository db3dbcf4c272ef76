// A full disk: what stands in place goes on, what needs room answers no_space with nothing changed,
// and the very same call succeeds once there is room, wherever in it the disk had become full.
#include <gtest/gtest.h>

#include <functional>

#include "storage/manifest.h"
#include "storage/segment.h"
#include "storage/vote_file.h"
#include "tests/storage/support.h"

namespace lockstep::storage {
namespace {

using namespace test;
using sim::SimDisk;

// Three segments.
void fill(Bench& bench) {
  bench.membership(1, 1);
  for (int i = 0; i < 7; ++i) bench.batch(2, 2);
}

// Carries out `act` with the disk full from its nth operation on, for every n until it succeeds
// all the same. A failed one is done again with room.
void full_at_every_point(const Bench& model_of, std::function<Status(Bench&)> act,
                         const Model& wanted, unsigned points_min) {
  unsigned points = 0;
  for (std::uint64_t from = 0, fine = 0; !fine; ++from) {
    SCOPED_TRACE("full from operation " + std::to_string(from));
    Bench bench;
    fill(bench);
    bench.close();
    bench.reopen();
    ASSERT_EQ(bench.model.entries, model_of.model.entries);
    std::uint64_t seen = 0;
    bench.disk().observe([&](std::string_view, std::string_view, std::uint64_t, std::string_view) {
      if (seen++ == from) bench.disk().set_full(true);
    });
    if (from == 0) bench.disk().set_full(true);
    const Status done = act(bench);
    bench.disk().observe({});
    fine = seen <= from ? 1 : 0;
    if (!done) {
      ++points;
      ASSERT_EQ(done.error().code, Errc::no_space) << done.error().text;
      // As before, and the room that a half-made file took is given back.
      const auto left = *bench.disk().list();
      for (const auto& name : left) ASSERT_FALSE(name.starts_with("tmp.")) << name;
      ASSERT_EQ((*bench.log().read(LogIndex{1}, bench.model.last().index.next(), 1u << 30)),
                bench.model.entries);
      bench.disk().set_full(false);
      // Half of the time over a restart.
      if (from % 2 == 1) {
        bench.reopen();
        ASSERT_TRUE(equals(*bench.open(), bench.model));
        bench.reopen();
      }
      const Status again = act(bench);
      ASSERT_TRUE(again) << again.error().text;
    }
    bench.disk().set_full(false);
    bench.close();
    bench.disk().lose_power(sim::Loss::all);
    const auto opened = bench.open();
    ASSERT_TRUE(opened) << opened.error().text;
    ASSERT_TRUE(equals(*opened, wanted));
    const auto names = *bench.disk().list();
    for (const auto& name : names) EXPECT_FALSE(name.starts_with("tmp.log-")) << name;
  }
  EXPECT_GE(points, points_min);
}

TEST(FullDisk, an_append_that_needs_a_segment_is_tried_again) {
  Bench bench;
  fill(bench);
  const auto write = appending({command(16, 2, std::string(20000, 'y')), config(17, 3, 4)});
  Model wanted = bench.model;
  wanted.apply(write);
  full_at_every_point(bench, [&](Bench& b) { return b.log().append(write); }, wanted, 2);
}

TEST(FullDisk, a_truncation_is_tried_again) {
  Bench bench;
  fill(bench);
  auto write = appending({command(10, 3, "y")});
  write.truncate_after = LogIndex{9};
  Model wanted = bench.model;
  wanted.apply(write);
  full_at_every_point(bench, [&](Bench& b) { return b.log().append(write); }, wanted, 2);
}

TEST(FullDisk, a_reset_is_tried_again) {
  Bench bench;
  fill(bench);
  const raft::Position at{LogIndex{50}, Term{4}};
  Model wanted = bench.model;
  wanted.reset(at, membership_of(2));
  full_at_every_point(
      bench, [&](Bench& b) { return b.log().reset(at, membership_of(2)); }, wanted, 2);
}

TEST(FullDisk, dropping_needs_no_room_and_its_spares_let_appends_go_on) {
  Bench bench;
  fill(bench);
  bench.disk().set_full(true);
  ASSERT_TRUE(bench.log().drop_through({LogIndex{12}, Term{2}}));
  // The rest of the active segment, and two more.
  for (int i = 0; i < 7; ++i) bench.batch(1, 3);
  const auto more = appending({command(bench.model.last_index() + 1, 3, "no room")});
  EXPECT_EQ(bench.log().append(more).error().code, Errc::no_space);
  ASSERT_TRUE(bench.log().drop_through(bench.model.last()));
  bench.write(more);
  ASSERT_TRUE(bench.log().reset({LogIndex{90}, Term{3}}, membership_of(1)));
  bench.model.reset({LogIndex{90}, Term{3}}, membership_of(1));
  bench.batch(1, 4);
  bench.close();
  bench.disk().lose_power(sim::Loss::all);
  EXPECT_TRUE(equals(*bench.open(), bench.model));
}

TEST(FullDisk, opening_needs_no_room) {
  Bench bench;
  fill(bench);
  bench.close();
  bench.restore();
  bench.disk().set_full(true);
  EXPECT_TRUE(equals(*bench.open(), bench.model));
}

TEST(FullDisk, vote_and_manifest_are_stored_in_place) {
  SimDisk disk(Rng(1));
  const NodeId self{"n1"};
  auto vote = *VoteFile::open(disk, self);
  auto manifest = *Manifest::open(disk);
  disk.set_full(true);
  const raft::HardState hard{.term = Term{3}, .vote = NodeId{"n2"}};
  DurableState state{.index = LogIndex{7}, .term = Term{3}};
  state.image_membership = std::string(kImageMembershipMax, 'm');
  ASSERT_TRUE(vote->store(hard));
  ASSERT_TRUE(manifest->store(state));
  disk.lose_power(sim::Loss::all);
  EXPECT_EQ((*VoteFile::open(disk, self))->state(), hard);
  EXPECT_EQ((*Manifest::open(disk))->current(), state);
}

TEST(FullDisk, a_first_start_is_tried_again) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimDisk disk{Rng(seed)};
    disk.set_full(true);
    EXPECT_EQ(VoteFile::open(disk, NodeId{"n1"}).error().code, Errc::no_space);
    EXPECT_EQ(Manifest::open(disk).error().code, Errc::no_space);
    EXPECT_EQ(RaftLog::open(disk, {}).error().code, Errc::no_space);
    disk.set_full(false);
    EXPECT_TRUE(VoteFile::open(disk, NodeId{"n1"}));
    EXPECT_EQ((*Manifest::open(disk))->current(), std::nullopt);
    EXPECT_TRUE(open_log(disk).created);
  }
}

}  // namespace
}  // namespace lockstep::storage
