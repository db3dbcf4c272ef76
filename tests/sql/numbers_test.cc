#include "sql/numbers.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "sql/connection.h"

namespace lockstep::sql {
namespace {

// Two hundred thousand arguments each, and the answers of all of them as one number, which is part
// of the contract: tests/CMakeLists.txt has it checked also as if by a machine of 2008.
TEST(Numbers, are_those_of_every_machine) {
  initialise_sqlite();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(":memory:", &db), SQLITE_OK);
  EXPECT_EQ(hash_of_numbers(db, 200'000), 12145323200255957171u);
  EXPECT_EQ(sqlite3_close(db), SQLITE_OK);
}

}  // namespace
}  // namespace lockstep::sql
