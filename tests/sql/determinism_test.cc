// Replicas agree: the same entries give the same results and the same content, whatever the seed of
// the process, the cache, the batch boundaries, restarts and time zone.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/bugs.h"
#include "tests/sql/generate.h"
#include "tests/sql/support.h"

namespace lockstep::sql {
namespace {

// Applies `commands` in batches drawn from `rng`; restarts and checkpoints in between if asked.
std::vector<std::string> apply_all(Rig& rig, const std::vector<std::string>& commands, Rng rng,
                                   std::uint64_t batch_max, bool restarts) {
  std::vector<std::string> shown;
  while (shown.size() < commands.size()) {
    const std::uint64_t count =
        std::min<std::uint64_t>(rng.between(1, batch_max), commands.size() - shown.size());
    const auto first = commands.begin() + static_cast<std::ptrdiff_t>(shown.size());
    const auto part = rig.batch({first, first + static_cast<std::ptrdiff_t>(count)});
    shown.insert(shown.end(), part.begin(), part.end());
    if (!restarts) continue;
    if (rng.chance(1, 3)) {
      EXPECT_TRUE(rig.database->checkpoint(Checkpoint::beside_writer));
    }
    if (rng.chance(1, 4)) {
      EXPECT_TRUE(rig.database->durable_point());
      rig.options.seed = rng.next();
      rig.reopen();
    }
  }
  return shown;
}

std::uint32_t big32(const std::string& bytes, std::size_t at) {
  std::uint32_t v = 0;
  for (std::size_t i = 0; i < 4; ++i) v = v << 8 | static_cast<unsigned char>(bytes[at + i]);
  return v;
}

// Blanks what lies in unused pages: one that a rolled back entry had taken keeps what it wrote
// there for as long as the batch lasts (SQLite does not journal the old content of an unused page).
void blank_unused(std::string& image) {
  constexpr std::size_t kPage = 4096;
  for (std::size_t trunk = big32(image, 32); trunk != 0;) {
    const std::size_t at = (trunk - 1) * kPage;
    const std::size_t leaves = big32(image, at + 4);
    for (std::size_t i = 0; i < leaves; ++i) {
      const std::size_t leaf = big32(image, at + 8 + 4 * i);
      image.replace((leaf - 1) * kPage, kPage, kPage, '\0');
    }
    const std::size_t used = 8 + 4 * leaves;
    image.replace(at + used, kPage - used, kPage - used, '\0');
    trunk = big32(image, at);
  }
}

// The main file after a complete checkpoint, without page 1's change counters (they count commits)
// and without unused pages.
std::string image_of(Rig& rig) {
  EXPECT_TRUE(rig.database->checkpoint(Checkpoint::beside_writer));
  EXPECT_EQ(rig.database->durable().wal_frames, 0u);
  std::string image = *rig.disk.contents("db.sqlite");
  image.replace(24, 4, 4, '\0');
  image.replace(92, 4, 4, '\0');
  blank_unused(image);
  return image;
}

class Determinism : public testing::TestWithParam<int> {};

TEST_P(Determinism, batches_restarts_caches_and_seeds_do_not_matter) {
  Rng rng(static_cast<std::uint64_t>(GetParam()));
  std::vector<std::string> commands = schema_commands();
  for (int i = 0; i < 150; ++i) commands.push_back(random_command(rng));
  const bool foreign_keys = GetParam() % 2 == 0;

  ASSERT_EQ(setenv("TZ", "UTC", 1), 0);
  Rig one({.seed = 1, .foreign_keys = foreign_keys}, 1);
  const auto expected = apply_all(one, commands, Rng(0), 1, false);
  ASSERT_EQ(setenv("TZ", "America/New_York", 1), 0);
  Rig batched({.seed = 2, .foreign_keys = foreign_keys, .cache_pages = 10}, 2);
  const auto in_batches = apply_all(batched, commands, Rng(3), 20, false);
  Rig restarted({.seed = 3, .foreign_keys = foreign_keys, .cache_pages = 50}, 3);
  const auto with_restarts = apply_all(restarted, commands, Rng(4), 6, true);

  for (std::size_t i = 0; i < commands.size(); ++i) {
    ASSERT_EQ(in_batches[i], expected[i]) << "entry " << i + 1;
    ASSERT_EQ(with_restarts[i], expected[i]) << "entry " << i + 1;
    // Statements that fail alike would agree on nothing.
    if (i < schema_commands().size()) {
      ASSERT_EQ(expected[i].find('!'), std::string::npos) << expected[i];
    }
    ASSERT_EQ(expected[i].find("allowed"), std::string::npos) << expected[i];
  }
  EXPECT_EQ(batched.content(), one.content());
  EXPECT_EQ(restarted.content(), one.content());
  EXPECT_TRUE(image_of(batched) == image_of(one));
  EXPECT_TRUE(image_of(restarted) == image_of(one));
  EXPECT_EQ(one.request({"PRAGMA integrity_check"}), "integrity_check [] 'ok'");
}

INSTANTIATE_TEST_SUITE_P(Seeds, Determinism, testing::Range(1, 13));

// What the planner remembers of an index that is gone, or of statistics that are, is of this start
// alone: a plan, and with it the order of rows, must not follow from it.
TEST(Determinism, planning_follows_from_the_file_and_not_from_its_history) {
  const std::vector<Text> fill{
      "CREATE TABLE t1(a,b)", "CREATE TABLE t2(a,b)", "CREATE TABLE r(id INTEGER PRIMARY KEY,x,y)",
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<10) "
      "INSERT INTO t1 SELECT i,i%3 FROM n",
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<100) "
      "INSERT INTO t2 SELECT i,i%7 FROM n"};
  const std::vector<std::vector<Text>> histories{
      {"CREATE INDEX i1 ON t1(b)", "ANALYZE", "DROP INDEX i1"},
      {"ANALYZE", "CREATE INDEX i1 ON t1(b)", "DROP INDEX i1"},
      {"ANALYZE", "DELETE FROM t1", "ANALYZE", "INSERT INTO t1 SELECT a,b FROM t2 WHERE a<=10"}};
  const std::vector<Text> unordered{"INSERT INTO r(x,y) SELECT t1.a,t2.a FROM t1,t2 LIMIT 6",
                                    "INSERT INTO r(x,y) SELECT t1.a,t2.a FROM t2,t1 LIMIT 6"};
  for (std::size_t i = 0; i < histories.size(); ++i) {
    SCOPED_TRACE(i);
    Rig evolved;
    Rig reopened;
    for (const auto& texts : {fill, histories[i]}) {
      const std::string shown = evolved.run(texts);
      EXPECT_EQ(shown.find('!'), std::string::npos) << shown;
      EXPECT_EQ(reopened.run(texts), shown);
    }
    ASSERT_TRUE(reopened.database->durable_point());
    reopened.reopen();
    EXPECT_EQ(evolved.run(unordered), reopened.run(unordered));
    const std::vector<Text> rows{
        "SELECT group_concat(x||'-'||y) FROM (SELECT * FROM r ORDER BY id)"};
    EXPECT_EQ(evolved.query(rows), reopened.query(rows));
    EXPECT_EQ(evolved.content(), reopened.content());
  }
}

TEST(Determinism, local_time_is_utc_everywhere) {
  ASSERT_EQ(setenv("TZ", "America/New_York", 1), 0);
  Rig rig;
  EXPECT_EQ(rig.query({"SELECT datetime('2020-01-01 00:00:00','localtime')"}),
            "datetime('2020-01-01 00:00:00','localtime') [] '2020-01-01 00:00:00'");
}

TEST(Determinism, time_is_the_entrys) {
  Rig rig;
  rig.run({"CREATE TABLE t(a DEFAULT CURRENT_TIMESTAMP, b)"});
  rig.run({"INSERT INTO t(b) VALUES(unixepoch())"}, {.stamp = 1'000'000'000'000});
  EXPECT_EQ(rig.query({"SELECT * FROM t"}), "a,b [,] '2001-09-09 01:46:40',1000000000");
}

TEST(Determinism, the_same_process_seed_gives_the_same_bytes_on_disk) {
  std::vector<std::string> images;
  for (int run = 0; run < 2; ++run) {
    Rig rig({.seed = 5});
    Rng rng(8);
    for (const auto& one : schema_commands()) rig.batch({one});
    for (int i = 0; i < 30; ++i) rig.batch({random_command(rng)});
    ASSERT_TRUE(rig.database->durable_point());
    images.push_back(*rig.disk.contents("db.sqlite-wal") + *rig.disk.contents("manifest"));
  }
  EXPECT_EQ(images[0], images[1]);
}

TEST(Determinism, wal_salts_differ_per_start) {
  std::vector<std::uint32_t> salts;
  for (std::uint64_t seed : {1, 2}) {
    Rig rig({.seed = seed});
    rig.run({"CREATE TABLE t(x)"});
    ASSERT_TRUE(rig.database->durable_point());
    salts.push_back(rig.database->durable().wal_salt1);
  }
  EXPECT_NE(salts[0], salts[1]);
}

TEST(Determinism, switchable_bug_random_not_seeded_makes_replicas_differ) {
  const auto content = [](std::uint64_t process_seed) {
    Rig rig({.seed = process_seed});
    rig.run({"CREATE TABLE t(x)", "INSERT INTO t VALUES(random())"});
    return rig.content();
  };
  EXPECT_EQ(content(1), content(2));
  switch_bug_on(Bug::random_not_seeded);
  EXPECT_NE(content(1), content(2));
  switch_bug_on(Bug::none);
}

}  // namespace
}  // namespace lockstep::sql
