// The lock table keeps SQLite's rules for file locks and WAL-index slots.
#include "sql/vfs_locks.h"

#include <gtest/gtest.h>

namespace lockstep::sql {
namespace {

TEST(FileLocks, one_writer_and_no_new_readers_while_one_waits) {
  LockTable table;
  LockHolder a, b, c;
  EXPECT_TRUE(table.lock_file(a, FileLock::shared));
  EXPECT_TRUE(table.lock_file(b, FileLock::shared));
  EXPECT_TRUE(table.lock_file(a, FileLock::reserved));
  EXPECT_TRUE(table.is_reserved());
  EXPECT_FALSE(table.lock_file(b, FileLock::reserved));
  EXPECT_FALSE(table.lock_file(a, FileLock::exclusive));
  EXPECT_EQ(a.level, FileLock::pending);
  EXPECT_FALSE(table.lock_file(c, FileLock::shared));
  table.unlock_file(b, FileLock::none);
  EXPECT_TRUE(table.lock_file(a, FileLock::exclusive));
  table.unlock_file(a, FileLock::shared);
  EXPECT_FALSE(table.is_reserved());
  EXPECT_TRUE(table.lock_file(c, FileLock::shared));
  // A connection that closes asks for exclusive straight from shared: others are still there.
  EXPECT_FALSE(table.lock_file(a, FileLock::exclusive));
}

TEST(Slots, shared_counts_and_exclusive_is_all_or_nothing) {
  LockTable table;
  LockHolder a, b;
  EXPECT_TRUE(table.lock_slots(a, 4, 1, false));
  EXPECT_TRUE(table.lock_slots(b, 4, 1, false));
  EXPECT_FALSE(table.lock_slots(b, 3, 5, true));
  EXPECT_TRUE(table.lock_slots(a, 3, 1, true));  // nothing was taken by the failed attempt
  EXPECT_FALSE(table.lock_slots(b, 3, 1, false));
  table.unlock_slots(a, 3, 1);
  table.unlock_slots(a, 4, 1);
  table.unlock_slots(b, 4, 1);
  EXPECT_TRUE(table.lock_slots(b, 3, 5, true));
  EXPECT_FALSE(table.lock_slots(a, 7, 1, false));
  table.unmap(b);
  EXPECT_TRUE(table.lock_slots(a, 7, 1, false));
}

TEST(Regions, keep_their_address_and_start_as_zeros) {
  LockTable table;
  LockHolder a, b;
  EXPECT_EQ(table.map(a, 0, false), nullptr);
  auto* const first = static_cast<char*>(table.map(a, 0, true));
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first[0], 0);
  first[0] = 9;
  for (std::size_t i = 1; i < 20; ++i) table.map(b, i, true);
  EXPECT_EQ(table.map(b, 0, false), first);
  table.unmap(a);
  EXPECT_EQ(*static_cast<char*>(table.map(b, 0, false)), 9);
  table.unmap(b);
  EXPECT_EQ(table.map(a, 0, false), nullptr);
}

}  // namespace
}  // namespace lockstep::sql
