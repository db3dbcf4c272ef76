// Durable points and checkpoints, one promise at a time.
#include <gtest/gtest.h>

#include "tests/sql/hook_disk.h"
#include "tests/sql/support.h"

namespace lockstep::sql {
namespace {

TEST(DurablePoint, a_failed_sync_is_the_last_word) {
  Rig rig;
  rig.run({"CREATE TABLE t(x)"});
  rig.disk.fail_syncs(1);
  ASSERT_FALSE(rig.database->durable_point());
  EXPECT_FALSE(rig.database->durable_point());
  EXPECT_FALSE(rig.database->checkpoint(Checkpoint::beside_writer));
  EXPECT_EQ(rig.run({"INSERT INTO t VALUES(1)"}).substr(0, 7), "failed:");
}

TEST(Recovery, a_damaged_wal_is_corruption_and_not_a_guess) {
  Rig rig;
  for (int i = 0; i < 5; ++i) rig.run({"CREATE TABLE t" + std::to_string(i) + "(x)"});
  ASSERT_TRUE(rig.database->durable_point());
  ASSERT_GT(rig.database->durable().wal_frames, 0u);
  rig.reader.reset();
  rig.database.reset();
  const std::string wal = *rig.disk.contents("db.sqlite-wal");
  for (std::uint64_t at : {std::uint64_t{3}, std::uint64_t{20}, std::uint64_t{40},
                           std::uint64_t{2000}, std::uint64_t{wal.size() - 1}}) {
    rig.disk.flip_bit("db.sqlite-wal", at, 2);
    auto opened = Database::open(rig.disk, {});
    ASSERT_FALSE(opened) << at;
    EXPECT_EQ(opened.error().code, Errc::corrupt);
    rig.disk.flip_bit("db.sqlite-wal", at, 2);
  }
  rig.disk.put("db.sqlite-wal", wal.substr(0, wal.size() - 1));
  EXPECT_EQ(Database::open(rig.disk, {}).error().code, Errc::corrupt);
  rig.disk.put("db.sqlite-wal", wal);
  EXPECT_TRUE(Database::open(rig.disk, {}));
}

TEST(Recovery, missing_files_are_corruption) {
  for (const char* name : {"db.sqlite", "db.sqlite-wal"}) {
    Rig rig;
    rig.run({"CREATE TABLE t(x)"});
    ASSERT_TRUE(rig.database->durable_point());
    rig.reader.reset();
    rig.database.reset();
    ASSERT_TRUE(rig.disk.remove(name));
    EXPECT_EQ(Database::open(rig.disk, {}).error().code, Errc::corrupt);
  }
}

TEST(DurablePoint, changes_no_main_file_and_is_idempotent) {
  Rig rig;
  rig.run({"CREATE TABLE t(x)"});
  const std::string main = *rig.disk.contents("db.sqlite");
  ASSERT_TRUE(rig.database->durable_point());
  EXPECT_EQ(rig.database->durable().index, LogIndex{1});
  const auto operations = rig.disk.operations();
  ASSERT_TRUE(rig.database->durable_point());
  EXPECT_EQ(rig.disk.operations(), operations);
  EXPECT_EQ(*rig.disk.contents("db.sqlite"), main);
  ASSERT_TRUE(rig.database->checkpoint(Checkpoint::beside_writer));
  EXPECT_NE(*rig.disk.contents("db.sqlite"), main);
  // Entries without effect move the index and need no frames.
  const std::vector<raft::Entry> nothing{entry(2, "")};
  ASSERT_TRUE(rig.database->apply(nothing));
  ASSERT_TRUE(rig.database->durable_point());
  EXPECT_EQ(rig.database->durable().index, LogIndex{2});
  EXPECT_EQ(rig.database->durable().wal_frames, 0u);
}

TEST(Checkpoint, shrinks_the_file_after_a_vacuum) {
  Rig rig;
  rig.run({"CREATE TABLE t(x)", "INSERT INTO t VALUES(zeroblob(1000000))"});
  ASSERT_TRUE(rig.database->checkpoint(Checkpoint::beside_writer));
  const auto large = rig.disk.contents("db.sqlite")->size();
  rig.run({"DELETE FROM t", "VACUUM"});
  ASSERT_TRUE(rig.database->checkpoint(Checkpoint::beside_writer));
  EXPECT_LT(rig.disk.contents("db.sqlite")->size(), large / 10);
  rig.reopen();
  EXPECT_EQ(rig.query({"PRAGMA integrity_check"}), "integrity_check [] 'ok'");
}

TEST(Checkpoint, lets_the_wal_start_again_under_constant_writes) {
  sim::SimDisk below{Rng(1)};
  HookDisk disk(below);
  auto opened = Database::open(disk, {});
  ASSERT_TRUE(opened);
  Database& database = **opened;
  std::uint64_t next = 1;
  const auto write = [&](const char* sql) {
    const std::vector<raft::Entry> one{entry(next++, command({sql}))};
    ASSERT_TRUE(database.apply(one));
  };
  write("CREATE TABLE t(x)");
  bool writer_is_free = false;
  disk.before = [&](std::string_view op, std::string_view file) {
    if (!writer_is_free || file != kMainName) return;
    writer_is_free = op != "sync";
    if (op == "write") write("INSERT INTO t VALUES(randomblob(5000))");
  };
  for (int i = 0; i < 20; ++i) write("INSERT INTO t VALUES(randomblob(5000))");
  writer_is_free = true;
  ASSERT_TRUE(database.checkpoint(Checkpoint::beside_writer));
  EXPECT_EQ(database.durable().wal_frames, 0u);
  EXPECT_LT(database.durable().index, database.status().applied);
  EXPECT_GT(database.status().wal_bytes, 0u);
  writer_is_free = true;
  ASSERT_TRUE(database.checkpoint(Checkpoint::restart_wal));
  EXPECT_EQ(database.durable().index, database.status().applied);
  EXPECT_EQ(database.status().wal_bytes, 0u);
  const auto length = below.contents(kWalName)->size();
  write("INSERT INTO t VALUES(1)");
  EXPECT_LT(database.status().wal_bytes, 5 * 4096u);
  EXPECT_EQ(below.contents(kWalName)->size(), length);
}

// All of the WAL is in the main file, but not durable there, and the manifest still names the WAL:
// a write at this moment must not start it again.
TEST(Checkpoint, keeps_the_wal_until_the_manifest_needs_it_no_more) {
  sim::SimDisk below{Rng(1)};
  HookDisk disk(below);
  auto opened = Database::open(disk, {});
  ASSERT_TRUE(opened);
  Database& database = **opened;
  std::uint64_t next = 1;
  const auto write = [&] {
    const std::vector<raft::Entry> one{
        entry(next, command({"CREATE TABLE t" + std::to_string(next) + "(x)"}))};
    ++next;
    ASSERT_TRUE(database.apply(one));
  };
  for (int i = 0; i < 10; ++i) write();
  const std::uint64_t before = database.status().wal_bytes;
  int written = 0;
  disk.before = [&](std::string_view op, std::string_view file) {
    if (op != "sync" || file != kMainName) return;
    EXPECT_GT(database.durable().wal_frames, 0u);
    EXPECT_EQ(database.status().wal_bytes, 0u);  // all copied
    ++written;
    write();
    write();
  };
  ASSERT_TRUE(database.checkpoint(Checkpoint::beside_writer));
  EXPECT_EQ(written, 1);
  EXPECT_EQ(database.durable().wal_frames, 0u);
  EXPECT_GT(database.status().wal_bytes, before);
}

}  // namespace
}  // namespace lockstep::sql
