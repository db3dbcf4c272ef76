// A crash at every disk call (every fourth with a large database) around checkpoints,
// complete and partial, growing and shrinking, must leave page checksums that fit: no page that is
// right is called bad (a false alarm), and no restart fails (unusable).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/bugs.h"
#include "sql/page_sums.h"
#include "sql/reader.h"
#include "sql/vfs.h"
#include "tests/sql/scrub.h"
#include "tests/sql/support.h"

namespace lockstep::sql {
namespace {

constexpr DatabaseOptions kOptions{.seed = 5, .cache_pages = 8};

// What is done between the entries.
enum class Step { apply, checkpoint, durable_point, hold_reader, release_reader };

struct Act {
  Step step = Step::apply;
  std::string text;
};

struct Story {
  std::vector<Act> setup;
  std::vector<Act> acts;
  // Made by prepare():
  std::map<std::string, std::string> files;  // after the setup
  std::uint64_t entries_before = 0;
  std::vector<std::string> commands;   // of the acts
  std::vector<std::uint64_t> content;  // content[i]: after i of them
};

Act sql(std::string text) {
  return {.step = Step::apply, .text = std::move(text)};
}
constexpr Step kCheckpoint = Step::checkpoint;

Act act(Step step) {
  return {.step = step, .text = {}};
}

// A life of the process: false when the disk died.
class Life {
 public:
  explicit Life(Database& database) : database_(database) {
    auto reader = database.new_reader();
    if (reader) reader_ = std::move(*reader);
  }
  bool run(const std::vector<Act>& acts) {
    return reader_ != nullptr &&
           std::ranges::all_of(acts, [this](const Act& one) { return do_one(one); });
  }
  std::uint64_t promised = 0;

 private:
  bool do_one(const Act& one) {
    Connection& reading = static_cast<ConnectionReader&>(*reader_).connection();
    switch (one.step) {
      case Step::apply:
        return apply(command({one.text}));
      case Step::checkpoint:
        return promise(database_.checkpoint(Checkpoint::restart_wal));
      case Step::durable_point:
        return promise(database_.durable_point());
      case Step::hold_reader:
        return reading.run(HostSql::begin_read) &&
               reading.value_of("SELECT count(*) FROM sqlite_schema");
      case Step::release_reader:
        return reading.run(HostSql::rollback).has_value();
    }
    return false;
  }
  bool apply(std::string bytes) {
    const std::vector<raft::Entry> entries{
        entry(database_.status().applied.value + 1, std::move(bytes))};
    return database_.apply(entries).has_value();
  }
  bool promise(const Status& status) {
    if (status) promised = database_.durable().index.value;
    return status.has_value();
  }

  Database& database_;
  std::unique_ptr<Reader> reader_;
};

void prepare(Story& story) {
  sim::SimDisk disk(Rng(1));
  {
    auto database = std::move(*Database::open(disk, kOptions));
    ASSERT_TRUE(Life(*database).run(story.setup));
    story.entries_before = database->status().applied.value;
  }
  for (const char* name : {kMainName, kWalName, kSumsNames[0], kSumsNames[1], "manifest"})
    story.files[name] = *disk.contents(name);
  auto database = std::move(*Database::open(disk, kOptions));
  story.content.push_back(*database->content_hash());
  for (const Act& one : story.acts) {
    if (one.step != Step::apply) continue;
    story.commands.push_back(command({one.text}));
    ASSERT_TRUE(Life(*database).run({one}));
    story.content.push_back(*database->content_hash());
  }
}

// Small: every page is in the one chunk; shrinks, grows, and is held up by a reader.
Story small_story() {
  Story story;
  story.setup = {sql("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)"),
                 sql("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<150) "
                     "INSERT INTO t SELECT i, hex(randomblob(100)) FROM c"),
                 act(kCheckpoint), sql("UPDATE t SET v='set up' WHERE id=1"), act(kCheckpoint)};
  story.acts = {sql("UPDATE t SET v=v||'a' WHERE id%50=0"),
                act(kCheckpoint),
                sql("INSERT INTO t(v) VALUES(hex(randomblob(9000)))"),
                act(Step::hold_reader),
                sql("UPDATE t SET v=v||'b' WHERE id%40=0"),
                act(kCheckpoint),
                sql("UPDATE t SET v='c' WHERE id=3"),
                act(Step::durable_point),
                act(Step::release_reader),
                act(kCheckpoint),
                sql("DELETE FROM t WHERE id%3>0"),
                sql("VACUUM"),
                act(kCheckpoint),
                sql("INSERT INTO t(v) VALUES(hex(randomblob(9000)))"),
                act(kCheckpoint),
                sql("UPDATE t SET v='d' WHERE id=3"),
                act(kCheckpoint)};
  return story;
}

// Large: begins a second chunk, and changes the one, the other, and both.
Story large_story() {
  Story story;
  story.setup = {sql("CREATE TABLE t(id INTEGER PRIMARY KEY, b BLOB)"),
                 sql("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<504) "
                     "INSERT INTO t SELECT i, randomblob(3500) FROM c"),
                 act(kCheckpoint)};
  story.acts = {sql("UPDATE t SET b=randomblob(3500) WHERE id=2"),
                act(kCheckpoint),
                sql("INSERT INTO t(id,b) VALUES(1000,randomblob(40000)),(1001,randomblob(3500))"),
                act(kCheckpoint),
                sql("UPDATE t SET b=randomblob(3500) WHERE id=1001"),
                act(kCheckpoint),
                sql("UPDATE t SET b=randomblob(3500) WHERE id IN (400, 1001)"),
                act(kCheckpoint),
                sql("UPDATE t SET b=x'00' WHERE id=3"),
                act(kCheckpoint)};
  return story;
}

constexpr int kCrashKinds = 6;

void crash(sim::SimDisk& disk, int kind) {
  constexpr sim::Loss kLosses[] = {sim::Loss::all, sim::Loss::prefix, sim::Loss::subset,
                                   sim::Loss::torn_512, sim::Loss::torn_4096};
  if (kind == kCrashKinds - 1)
    disk.kill_process();
  else
    disk.lose_power(kLosses[kind]);
  disk.crash_after(std::nullopt);
}

struct Tally {
  int crashes = 0;
  int false_alarms = 0;
  int unusable = 0;
  int wrong = 0;
  std::string first;
  void note(int& kind, const std::string& what) {
    ++kind;
    if (first.empty()) first = what;
  }
};

void judge(const Story& story, sim::SimDisk& disk, std::uint64_t promised, const std::string& where,
           Tally& tally) {
  if (const auto scrubbed = scrub_at_rest(disk); !scrubbed)
    return tally.note(tally.false_alarms, where + "scrub: " + scrubbed.error().text);
  {
    auto opened = Database::open(disk, kOptions);
    if (!opened) return tally.note(tally.unusable, where + opened.error().text);
    Database& database = **opened;
    const std::uint64_t found = database.status().applied.value;
    const std::uint64_t done = found - story.entries_before;
    if (found < promised || database.content_hash() != story.content[done])
      return tally.note(tally.wrong, where + "not the state of entry " + std::to_string(found));
    for (std::uint64_t i = done; i < story.commands.size(); ++i) {
      const std::vector<raft::Entry> next{entry(story.entries_before + i + 1, story.commands[i])};
      if (!database.apply(next)) return tally.note(tally.unusable, where + "replay fails");
    }
    if (!database.checkpoint(Checkpoint::restart_wal) ||
        database.content_hash() != story.content.back())
      return tally.note(tally.wrong, where + "replay ends elsewhere");
  }
  if (const auto scrubbed = scrub_at_rest(disk); !scrubbed)
    tally.note(tally.false_alarms, where + "scrub at the end: " + scrubbed.error().text);
}

Tally crash_everywhere(const Story& story, std::uint64_t stride) {
  Tally tally;
  bool completed = false;
  for (std::uint64_t operations = 0; !completed; operations += stride) {
    for (int kind = 0; kind < kCrashKinds && !completed; ++kind) {
      sim::SimDisk disk(
          Rng(9).derive("crash", operations * kCrashKinds + static_cast<std::uint64_t>(kind)));
      for (const auto& [name, bytes] : story.files) disk.put(name, bytes);
      std::uint64_t promised = story.entries_before;
      disk.crash_after(operations);
      if (auto database = Database::open(disk, kOptions)) {
        Life life(**database);
        completed = life.run(story.acts);
        promised = std::max(promised, life.promised);
      }
      if (completed) break;
      ++tally.crashes;
      crash(disk, kind);
      const std::string where =
          "crash after " + std::to_string(operations) + ", kind " + std::to_string(kind) + ": ";
      judge(story, disk, promised, where, tally);
    }
  }
  return tally;
}

void expect_clean(const char* name, Story& story, std::uint64_t stride) {
  prepare(story);
  const Tally tally = crash_everywhere(story, stride);
  std::printf("%s: %d crashes, %d false alarms, %d unusable, %d wrong\n", name, tally.crashes,
              tally.false_alarms, tally.unusable, tally.wrong);
  EXPECT_GT(tally.crashes, 200);
  EXPECT_EQ(tally.false_alarms + tally.unusable + tally.wrong, 0) << tally.first;
}

TEST(SumsCrash, leaves_checksums_that_fit_a_small_database) {
  Story story = small_story();
  expect_clean("small", story, 1);
}

TEST(SumsCrash, leaves_checksums_that_fit_a_database_of_several_chunks) {
  Story story = large_story();
  expect_clean("large", story, 4);
  EXPECT_EQ(story.files.at(kSumsNames[0]).size(), kSumsChunkBytes);
}

TEST(SumsCrash, during_creation_leaves_nothing_or_all) {
  Story story;
  for (int i = 0; i < 3; ++i)
    story.acts.push_back(sql("CREATE TABLE t" + std::to_string(i) + "(x)"));
  story.acts.push_back(act(kCheckpoint));
  prepare(story);
  story.files.clear();
  const Tally tally = crash_everywhere(story, 1);
  EXPECT_GT(tally.crashes, 100);
  EXPECT_EQ(tally.false_alarms + tally.unusable + tally.wrong, 0) << tally.first;
}

TEST(SumsCrash, finds_the_switchable_bug) {
  Story story = small_story();
  prepare(story);
  switch_bug_on(Bug::sums_after_manifest);
  const Tally tally = crash_everywhere(story, 1);
  switch_bug_on(Bug::none);
  std::printf("sums after manifest: %d crashes, %d false alarms, %d unusable, %d wrong\n",
              tally.crashes, tally.false_alarms, tally.unusable, tally.wrong);
  EXPECT_GT(tally.false_alarms, 0);
}

}  // namespace
}  // namespace lockstep::sql
