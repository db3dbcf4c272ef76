// "Out of memory" in a write: an error of the statement if SQLite never asked the machine, the same
// on every replica; else the machine's failure, and no answer.
#include "sql/memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>

#include "tests/sql/no_memory.h"
#include "tests/sql/support.h"

// g++ has a macro for it, clang a question.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LOCKSTEP_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOCKSTEP_SANITIZED
#endif

namespace lockstep::sql {
namespace {

constexpr char kTooMuch[] = "INSERT INTO t SELECT length(hex(zeroblob(20000000)))";
// Rows stand in the table when it fails.
constexpr char kTooMuchLater[] =
    "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<500) "
    "SELECT CASE WHEN i<400 THEN i ELSE length(hex(zeroblob(20000000))) END FROM n";

TEST(Memory, a_write_that_needs_too_much_fails_alone) {
  const std::string failed = "!out of memory";
  for (const bool transaction : {false, true}) {
    const Options options{.transaction = transaction};
    const std::vector<std::string> commands{
        command({"CREATE TABLE t(x)", "CREATE TABLE u(x UNIQUE)",
                 "CREATE VIRTUAL TABLE f USING fts5(a)"}),
        command({"INSERT INTO t VALUES(1)", "INSERT INTO f VALUES('one')"}),
        command({"INSERT INTO u VALUES(1)", kTooMuch, "INSERT INTO u VALUES(2)"}, options),
        command({"INSERT INTO f VALUES('two')"}),
        command({"INSERT INTO u VALUES(3)", kTooMuchLater, "INSERT INTO f VALUES('three')"},
                options),
        command({"BEGIN; INSERT INTO u VALUES(5); " + std::string(kTooMuchLater)}),
        command({"INSERT INTO t VALUES(4)"})};
    Rig together;
    const NoMemory limit(4 << 20);
    const auto shown = together.batch(commands);
    EXPECT_EQ(shown[2], transaction ? "(1,1); " + failed : "(1,1); " + failed + "; (2,1)");
    EXPECT_EQ(shown[4], transaction ? "(1,1); " + failed : "(3,1); " + failed + "; (3,1)");
    EXPECT_EQ(shown[5], "error: transaction left open by the request: rolled back");
    EXPECT_EQ(together.query({"SELECT group_concat(x) FROM t"}), "group_concat(x) [] '1,4'");

    Rig apart({.seed = 3, .cache_pages = 10});
    for (std::size_t i = 0; i < commands.size(); ++i) {
      EXPECT_EQ(apart.batch({commands[i]})[0], shown[i]) << i;
      ASSERT_TRUE(apart.database->durable_point());
      apart.reopen();
    }
    EXPECT_EQ(apart.content(), together.content());
  }
}

// Lengths that SQLite's modules add up stay far from what an int holds.
TEST(Memory, the_machine_is_never_asked_for_more_than_a_gibibyte) {
  Rig rig;
  const std::uint64_t before = refused_allocations();
  const auto refused = [](void* memory) {
    sqlite3_free(memory);
    return memory == nullptr;
  };
  EXPECT_TRUE(refused(sqlite3_malloc64(kAllocationBytesMax + 1ull)));
  EXPECT_TRUE(refused(sqlite3_malloc64(1ull << 40)));
  void* const some = sqlite3_malloc64(100);
  EXPECT_EQ(sqlite3_realloc64(some, kAllocationBytesMax + 1ull), nullptr);
  EXPECT_FALSE(refused(some));
  EXPECT_EQ(refused_allocations(), before);
}

TEST(Memory, what_the_machine_refuses_is_no_answer) {
#ifdef LOCKSTEP_SANITIZED
  GTEST_SKIP() << "the sanitizer's own allocator ends the process";
#endif
  Rig rig;
  rig.run({"CREATE TABLE t(x)"});
  const std::uint64_t before = refused_allocations();
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit free{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &free), 0);
  const rlimit tight{.rlim_cur = pages * 4096 + (16 << 20), .rlim_max = free.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &tight), 0);
  const std::string shown = rig.run({kTooMuch});
  ASSERT_EQ(setrlimit(RLIMIT_AS, &free), 0);
  EXPECT_EQ(shown, "failed: SQLite: out of memory");
  EXPECT_GT(refused_allocations(), before);
}

}  // namespace
}  // namespace lockstep::sql
