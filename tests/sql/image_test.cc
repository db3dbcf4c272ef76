// Images: what is pinned stays as it is while everything else goes on, and what is installed is
// what was pinned.
#include <gtest/gtest.h>

#include "base/bugs.h"
#include "sql/reader.h"
#include "tests/sql/image_source.h"

namespace lockstep::sql {
namespace {

raft::Entry insert(std::uint64_t index) {
  return entry(index, command({"INSERT INTO t VALUES(randomblob(3000))"}, {.seed = index}));
}

void write(Rig& rig, int count) {
  for (int i = 0; i < count; ++i) {
    const std::vector<raft::Entry> one{insert(rig.database->status().applied.value + 1)};
    ASSERT_TRUE(rig.database->apply(one));
  }
}

// A database whose checkpoint met the full disk, in the middle of a page if the seed will have it.
void find_no_room(Rig& rig) {
  rig.run({"CREATE TABLE t(x)"});
  write(rig, 30);
  rig.disk.set_full(true);
  ASSERT_FALSE(rig.database->checkpoint(Checkpoint::beside_writer));
  rig.disk.set_full(false);
}

// The image is what the manifest says, which has that page among its frames.
TEST(Image, of_a_database_whose_checkpoint_found_no_room_can_be_taken) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    for (const bool restarted : {false, true}) {
      Rig rig({}, seed);
      find_no_room(rig);
      if (restarted) {
        // As if the process had ended before it could do anything about it.
        rig.disk.put(kMainName, *rig.disk.contents(kMainName) + std::string(seed * 100, 'x'));
        rig.reopen();
      }
      const auto label = rig.database->pin_image();
      ASSERT_TRUE(label) << label.error().text;
      const Image image = fetch(*rig.database, *label, 4096, [] {});
      Rig other({}, 2);
      other.reader.reset();
      ASSERT_TRUE(stage(other.disk, image));
      const auto installed = install_image(other.disk, image.label, membership_of("a"));
      ASSERT_TRUE(installed) << installed.error().text;
      other.reopen();
      EXPECT_EQ(other.content(), rig.content());
      rig.database->unpin_image();
      ASSERT_TRUE(rig.database->checkpoint(Checkpoint::restart_wal));
    }
}

TEST(Image, as_long_as_a_file_that_was_cut_short_is_none) {
  switch_bug_on(Bug::image_label_of_file);
  int impossible = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rig rig({}, seed);
    find_no_room(rig);
    impossible += rig.database->pin_image() ? 0 : 1;
  }
  switch_bug_on(Bug::none);
  EXPECT_GT(impossible, 0);
}

TEST(Image, stays_as_pinned_while_writes_and_durable_points_go_on) {
  for (const bool with_frames : {false, true}) {
    Rig rig;
    rig.run({"CREATE TABLE t(x)"});
    write(rig, 20);
    if (!with_frames) {
      ASSERT_TRUE(rig.database->checkpoint(Checkpoint::beside_writer));
    }
    const std::uint64_t content = rig.content();
    const auto label = rig.database->pin_image();
    ASSERT_TRUE(label);
    EXPECT_EQ(label->state.index, LogIndex{21});
    EXPECT_EQ(label->wal_bytes > 0, with_frames);
    const Image image = fetch(*rig.database, *label, 4096, [&] {
      write(rig, 1);
      ASSERT_TRUE(rig.database->durable_point());
      ASSERT_TRUE(rig.database->checkpoint(Checkpoint::restart_wal));
    });
    EXPECT_EQ(rig.database->durable().index, rig.database->status().applied);
    EXPECT_GT(rig.database->status().wal_bytes, 0u);
    rig.database->unpin_image();
    ASSERT_TRUE(rig.database->checkpoint(Checkpoint::restart_wal));
    EXPECT_EQ(rig.database->status().wal_bytes, 0u);

    Rig other({}, 2);
    other.reader.reset();
    ASSERT_TRUE(stage(other.disk, image));
    ASSERT_TRUE(install_image(other.disk, image.label, membership_of("a")));
    other.reopen();
    EXPECT_EQ(other.content(), content);
    EXPECT_EQ(other.database->durable().image_membership, encode(membership_of("a")));
    EXPECT_FALSE(other.database->durable().installing);
    EXPECT_FALSE(other.disk.contents(kStagedMain));
    EXPECT_FALSE(other.disk.contents(kStagedWal));
    // Its own next durable point is its own state.
    write(other, 1);
    ASSERT_TRUE(other.database->durable_point());
    EXPECT_EQ(other.database->durable().image_membership, "");
  }
}

TEST(Image, is_refused_if_it_is_not_what_the_label_says) {
  Rig rig;
  rig.run({"CREATE TABLE t(x)"});
  write(rig, 20);
  const auto label = rig.database->pin_image();
  ASSERT_TRUE(label);
  const Image good = fetch(*rig.database, *label, 10'000, [] {});
  ASSERT_GT(good.wal.size(), 0u);
  Rig other({}, 2);
  const auto install = [&](const Image& image) {
    EXPECT_TRUE(stage(other.disk, image));
    const Status status = install_image(other.disk, image.label, membership_of("a"));
    return status ? Errc::unknown : status.error().code;
  };
  Image bad = good;
  bad.wal[bad.wal.size() / 2] ^= 4;
  EXPECT_EQ(install(bad), Errc::corrupt);
  bad = good;
  bad.wal.pop_back();
  EXPECT_EQ(install(bad), Errc::corrupt);
  bad = good;
  bad.main += "x";
  EXPECT_EQ(install(bad), Errc::corrupt);
  bad = good;
  bad.main[3] = 'x';
  EXPECT_EQ(install(bad), Errc::corrupt);
  bad = good;
  ++bad.label.state.wal_frames;
  EXPECT_EQ(install(bad), Errc::corrupt);
  bad = good;
  bad.label.state.page_bytes = 512;
  EXPECT_EQ(install(bad), Errc::corrupt);
  ASSERT_TRUE(other.disk.remove(kStagedMain));
  EXPECT_EQ(install_image(other.disk, good.label, membership_of("a")).error().code, Errc::corrupt);
  other.disk.set_full(true);
  other.reopen();
  EXPECT_EQ(other.database->status().applied, LogIndex{0});
  other.disk.set_full(false);
  EXPECT_EQ(install(good), Errc::unknown);
  other.reopen();
  EXPECT_EQ(other.content(), rig.content());
}

TEST(Image, replaces_a_database_that_is_damaged_or_absent) {
  Rig rig;
  rig.run({"CREATE TABLE t(x)"});
  write(rig, 5);
  const auto label = rig.database->pin_image();
  ASSERT_TRUE(label);
  const Image image = fetch(*rig.database, *label, 10'000, [] {});
  const auto damages = std::vector<std::function<void(sim::SimDisk&)>>{
      [](sim::SimDisk& disk) { disk.put("manifest", "rubbish"); },
      [](sim::SimDisk& disk) { ASSERT_TRUE(disk.remove("manifest")); },
      [](sim::SimDisk& disk) { ASSERT_TRUE(disk.remove(kMainName)); },
      [](sim::SimDisk& disk) { disk.put(kWalName, ""); },
      [](sim::SimDisk& disk) { disk.flip_bit(kMainName, 5000, 1); },
  };
  for (const auto& damage : damages) {
    Rig other({}, 3);
    other.run({"CREATE TABLE old(x)", "INSERT INTO old VALUES(1)"});
    ASSERT_TRUE(other.database->checkpoint(Checkpoint::beside_writer));
    other.run({"INSERT INTO old VALUES(2)"});
    ASSERT_TRUE(other.database->durable_point());
    other.reader.reset();
    other.database.reset();
    damage(other.disk);
    ASSERT_TRUE(stage(other.disk, image));
    ASSERT_TRUE(install_image(other.disk, image.label, membership_of("a")));
    other.reopen();
    EXPECT_EQ(other.content(), rig.content());
  }
}

}  // namespace
}  // namespace lockstep::sql
