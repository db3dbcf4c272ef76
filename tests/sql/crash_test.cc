// Power is cut at every mutating disk call of a scenario of batches, durable points and
// checkpoints, with readers holding old snapshots at times. After the restart the database must be
// exactly the state its manifest names, that state must be one we were promised, and replaying the
// rest, in other batches, must end where an undisturbed run ends.
#include <gtest/gtest.h>

#include <map>

#include "base/bugs.h"
#include "sql/reader.h"
#include "tests/sql/generate.h"
#include "tests/sql/support.h"

namespace lockstep::sql {
namespace {

struct Scenario {
  std::uint64_t seed = 0;
  std::vector<std::string> commands;
  std::vector<std::uint64_t> content;  // content[i]: after i entries
  bool foreign_keys = false;
};

Scenario make_scenario(std::uint64_t seed, int entries) {
  Scenario scenario;
  scenario.seed = seed;
  scenario.foreign_keys = seed % 2 == 0;
  Rng rng(seed);
  scenario.commands = schema_commands();
  while (static_cast<int>(scenario.commands.size()) < entries)
    scenario.commands.push_back(random_command(rng));
  Rig model({.seed = 77, .foreign_keys = scenario.foreign_keys}, seed);
  scenario.content.push_back(model.content());
  for (const auto& one : scenario.commands) {
    model.batch({one});
    scenario.content.push_back(model.content());
  }
  return scenario;
}

DatabaseOptions options_of(const Scenario& scenario, std::uint64_t start) {
  return {.seed = scenario.seed * 1000 + start,
          .foreign_keys = scenario.foreign_keys,
          .cache_pages = 8};
}

// One life of the process, until all is applied or the disk dies. Remembers what was promised.
class Life {
 public:
  Life(const Scenario& scenario, Database& database, Rng rng)
      : scenario_(scenario), database_(database), rng_(rng) {
    for (int i = 0; i < 2; ++i) {
      auto reader = database.new_reader();
      if (reader) readers_.push_back(std::move(*reader));
    }
  }
  // False: the disk died.
  bool run() {
    while (database_.applied().value < scenario_.commands.size()) {
      if (!apply_some()) return false;
      move_readers();
      if (rng_.chance(1, 3) && !promise(database_.durable_point())) return false;
      if (rng_.chance(1, 4) && !promise(database_.checkpoint())) return false;
    }
    release_readers();
    return promise(database_.durable_point()) && promise(database_.checkpoint());
  }
  std::uint64_t promised = 0;

 private:
  bool apply_some() {
    const std::uint64_t applied = database_.applied().value;
    const std::uint64_t count =
        std::min<std::uint64_t>(rng_.between(1, 5), scenario_.commands.size() - applied);
    std::vector<raft::Entry> entries;
    for (std::uint64_t i = 1; i <= count; ++i)
      entries.push_back(entry(applied + i, scenario_.commands[applied + i - 1]));
    return database_.apply(entries).has_value();
  }
  bool promise(const Status& status) {
    if (status) promised = database_.durable().index.value;
    return status.has_value();
  }
  // A reader that holds a snapshot makes checkpoints partial.
  void move_readers() {
    for (auto& reader : readers_) {
      Connection& connection = static_cast<ConnectionReader&>(*reader).connection();
      if (connection.in_transaction()) {
        if (rng_.chance(1, 2)) (void)connection.run(HostSql::rollback);
      } else if (rng_.chance(1, 3) && connection.run(HostSql::begin_read)) {
        (void)connection.value_of("SELECT count(*) FROM sqlite_schema");
      }
    }
  }
  void release_readers() {
    for (auto& reader : readers_) {
      Connection& connection = static_cast<ConnectionReader&>(*reader).connection();
      if (connection.in_transaction()) (void)connection.run(HostSql::rollback);
    }
  }

  const Scenario& scenario_;
  Database& database_;
  Rng rng_;
  std::vector<std::unique_ptr<Reader>> readers_;
};

enum class Verdict { completed, exact, wrong };

void crash(sim::SimDisk& disk, Rng& rng) {
  constexpr sim::Loss kLosses[] = {sim::Loss::all, sim::Loss::prefix, sim::Loss::subset,
                                   sim::Loss::torn_512, sim::Loss::torn_4096};
  const std::uint64_t kind = rng.below(6);
  if (kind == 5)
    disk.kill_process();
  else
    disk.lose_power(kLosses[kind]);
  disk.crash_after(std::nullopt);
}

// Cuts the power after `operations`, in a quarter of the cases once more during recovery.
Verdict trial(const Scenario& scenario, std::uint64_t operations, std::string& story) {
  Rng rng = Rng(scenario.seed).derive("trial", operations);
  sim::SimDisk disk(rng.derive("disk"));
  std::uint64_t promised = 0;
  disk.crash_after(operations);
  {
    auto database = Database::open(disk, options_of(scenario, 1));
    if (database) {
      Life life(scenario, **database, Rng(scenario.seed).derive("life"));
      if (life.run()) return Verdict::completed;
      promised = life.promised;
    }
    if (!disk.dead()) {
      story = "failed before the disk did: " + (database ? "" : database.error().text);
      return Verdict::wrong;
    }
  }
  crash(disk, rng);
  if (rng.chance(1, 4)) {
    disk.crash_after(rng.below(12));
    {
      auto again = Database::open(disk, options_of(scenario, 2));
    }
    crash(disk, rng);
  }
  auto database = Database::open(disk, options_of(scenario, 4));
  if (!database) {
    story = database.error().text;
    return Verdict::wrong;
  }
  const std::uint64_t found = (*database)->applied().value;
  if (found < promised) {
    story = "promised " + std::to_string(promised) + ", found " + std::to_string(found);
    return Verdict::wrong;
  }
  if ((*database)->content_hash() != scenario.content[found]) {
    story = "not the content at entry " + std::to_string(found);
    return Verdict::wrong;
  }
  Life life(scenario, **database, rng.derive("second life"));
  if (!life.run() || (*database)->content_hash() != scenario.content.back()) {
    story = "replay from " + std::to_string(found) + " ends elsewhere";
    return Verdict::wrong;
  }
  return Verdict::exact;
}

struct Tally {
  int crashes = 0;
  int wrong = 0;
  std::string first_story;
};

Tally crash_everywhere(const Scenario& scenario, std::uint64_t stride) {
  Tally tally;
  for (std::uint64_t operations = 0;; operations += stride) {
    std::string story;
    const Verdict verdict = trial(scenario, operations, story);
    if (verdict == Verdict::completed) return tally;
    ++tally.crashes;
    if (verdict == Verdict::exact) continue;
    ++tally.wrong;
    if (tally.first_story.empty())
      tally.first_story = "crash after " + std::to_string(operations) + ": " + story;
  }
}

class Crash : public testing::TestWithParam<int> {};

TEST_P(Crash, is_exact_at_every_disk_call) {
  const Scenario scenario = make_scenario(static_cast<std::uint64_t>(GetParam()), 30);
  const Tally tally = crash_everywhere(scenario, 1);
  RecordProperty("crashes", tally.crashes);
  EXPECT_GT(tally.crashes, 50);
  EXPECT_EQ(tally.wrong, 0) << tally.first_story;
}

INSTANTIATE_TEST_SUITE_P(Seeds, Crash, testing::Range(1, 7));

TEST(Crash, switchable_bugs_are_caught) {
  for (const Bug bug : {Bug::wal_not_synced, Bug::applied_apart_from_data}) {
    int wrong = 0;
    for (std::uint64_t seed = 1; seed <= 3 && wrong == 0; ++seed) {
      const Scenario scenario = make_scenario(seed, 36);
      switch_bug_on(bug);
      wrong = crash_everywhere(scenario, 7).wrong;
      switch_bug_on(Bug::none);
    }
    EXPECT_GT(wrong, 0) << bug_name(bug);
  }
}

TEST(Crash, a_failed_sync_is_the_last_word) {
  Rig rig;
  rig.run({"CREATE TABLE t(x)"});
  rig.disk.fail_syncs(1);
  ASSERT_FALSE(rig.database->durable_point());
  EXPECT_FALSE(rig.database->durable_point());
  EXPECT_FALSE(rig.database->checkpoint());
  EXPECT_EQ(rig.run({"INSERT INTO t VALUES(1)"}).substr(0, 7), "failed:");
}

TEST(Crash, a_full_disk_is_no_answer) {
  Rig rig;
  rig.run({"CREATE TABLE t(x)"});
  rig.disk.set_full(true);
  const std::vector<raft::Entry> entries{entry(2, command({"INSERT INTO t VALUES(1)"}))};
  const auto applied = rig.database->apply(entries);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, Errc::no_space);
}

TEST(Crash, a_damaged_wal_is_corruption_and_not_a_guess) {
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

TEST(Crash, missing_files_are_corruption) {
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
  ASSERT_TRUE(rig.database->checkpoint());
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
  ASSERT_TRUE(rig.database->checkpoint());
  const auto large = rig.disk.contents("db.sqlite")->size();
  rig.run({"DELETE FROM t", "VACUUM"});
  ASSERT_TRUE(rig.database->checkpoint());
  EXPECT_LT(rig.disk.contents("db.sqlite")->size(), large / 10);
  rig.reopen();
  EXPECT_EQ(rig.query({"PRAGMA integrity_check"}), "integrity_check [] 'ok'");
}

}  // namespace
}  // namespace lockstep::sql
