// The disk is full from any disk call of a scenario on, for a while. A batch that finds no room has
// no effect, whatever it was in the middle of; once there is room, the same entries give the same
// answers and the same content. So it is if the process ends while the disk is full.
#include <gtest/gtest.h>

#include "tests/sql/scenario.h"

namespace lockstep::sql {
namespace {

bool is_no_space(const Error& error) {
  return error.code == Errc::no_space;
}

class FullDisk {
 public:
  FullDisk(const Scenario& scenario, std::uint64_t full_after)
      : scenario_(scenario),
        rng_(Rng(scenario.seed).derive("full", full_after)),
        below_(rng_.derive("disk")),
        disk_(below_),
        full_after_(full_after) {
    disk_.before = [this](std::string_view, std::string_view) {
      if (!was_full_ && below_.operations() >= full_after_) below_.set_full(was_full_ = true);
    };
  }

  // What went wrong; "" if nothing did.
  std::string run() {
    open(1);
    while (story_.empty() && applied() < scenario_.commands.size()) step();
    if (story_.empty() && content() != scenario_.content.back()) story_ = "ends elsewhere";
    return story_;
  }
  [[nodiscard]] bool was_full() const { return was_full_; }
  [[nodiscard]] int refused() const { return refused_; }

 private:
  std::uint64_t applied() { return database_->status().applied.value; }
  std::uint64_t content() { return database_->content_hash().value_or(0); }

  void open(std::uint64_t start) {
    auto opened = Database::open(disk_, options_of(scenario_, start));
    // The first start needs room for its files.
    if (!opened && is_no_space(opened.error()) && was_full_ && start == 1) {
      below_.set_full(false);
      opened = Database::open(disk_, options_of(scenario_, start));
    }
    if (opened)
      database_ = std::move(*opened);
    else
      story_ = "start " + std::to_string(start) + ": " + opened.error().text;
  }

  void step() {
    const std::uint64_t before = applied();
    const std::uint64_t count =
        std::min<std::uint64_t>(rng_.between(1, 6), scenario_.commands.size() - before);
    std::vector<raft::Entry> entries;
    for (std::uint64_t i = 1; i <= count; ++i)
      entries.push_back(entry(before + i, scenario_.commands[before + i - 1]));
    auto results = database_->apply(entries);
    for (int tries = 0; !results && is_no_space(results.error()) && tries < 3; ++tries) {
      refuse(before);
      if (tries > 0 && rng_.chance(1, 2)) below_.set_full(false);
      if (!story_.empty() || applied() != before) return;
      results = database_->apply(entries);
    }
    if (!results && is_no_space(results.error())) {
      below_.set_full(false);
      results = database_->apply(entries);
    }
    if (!results) return tell("apply: " + results.error().text);
    for (std::uint64_t i = 0; i < count; ++i)
      if (hash_of((*results)[i].result) != scenario_.results[before + i])
        tell("entry " + std::to_string(before + i + 1) + " answers differently");
    if (rng_.chance(1, 3)) settle(database_->durable_point());
    if (rng_.chance(1, 3)) settle(database_->checkpoint(Checkpoint::restart_wal));
  }

  // While the disk is full: the state is that of before; now and then the process ends.
  void refuse(std::uint64_t before) {
    ++refused_;
    if (applied() != before || content() != scenario_.content[before])
      tell("a refused batch had an effect");
    settle(database_->durable_point());
    settle(database_->checkpoint(Checkpoint::beside_writer));
    if (!rng_.chance(1, 4)) return;
    database_.reset();
    if (rng_.chance(1, 2))
      below_.kill_process();
    else
      below_.lose_power(sim::Loss::subset);
    open(++starts_);
    if (story_.empty() && content() != scenario_.content[applied()]) tell("restarts elsewhere");
  }

  void settle(const Status& status) {
    if (!status && !is_no_space(status.error())) tell("image lane: " + status.error().text);
  }
  void tell(const std::string& story) {
    if (story_.empty()) story_ = story;
  }

  const Scenario& scenario_;
  Rng rng_;
  sim::SimDisk below_;
  HookDisk disk_;
  const std::uint64_t full_after_;
  bool was_full_ = false;
  std::unique_ptr<Database> database_;
  std::uint64_t starts_ = 1;
  int refused_ = 0;
  std::string story_;
};

class Full : public testing::TestWithParam<int> {};

TEST_P(Full, refuses_batches_whole_and_loses_nothing) {
  const Scenario scenario = make_scenario(static_cast<std::uint64_t>(GetParam()) + 200, 40);
  std::uint64_t trials = 0;
  int refused = 0;
  for (std::uint64_t after = 0;; ++after) {
    FullDisk full(scenario, after);
    const std::string story = full.run();
    if (!full.was_full()) break;
    ++trials;
    refused += full.refused();
    ASSERT_EQ(story, "") << "full after " << after;
  }
  count_crashes("full disk", trials);
  EXPECT_GT(trials, 100u);
  EXPECT_GT(refused, 100);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Full, testing::Range(1, 5));

// Entries that run alone commit statement by statement: from the second on nothing can be undone.
TEST(Full, disk_in_the_middle_of_an_entry_that_runs_alone) {
  Rig rig;
  rig.run({"CREATE TABLE t(x)"});
  const std::vector<raft::Entry> entries{
      entry(2, command({"INSERT INTO t VALUES(1)", "VACUUM", "INSERT INTO t VALUES(2)",
                        "BEGIN; INSERT INTO t VALUES(3); COMMIT"}))};
  rig.disk.observe(
      [&](std::string_view op, std::string_view file, std::uint64_t offset, std::string_view) {
        // Room for the first statement's frames only.
        if (op == "write" && file == kWalName && offset > 4 * 4120) rig.disk.set_full(true);
      });
  const auto applied = rig.database->apply(entries);
  ASSERT_TRUE(applied) << applied.error().text;
  rig.disk.observe(nullptr);
  EXPECT_EQ(show((*applied)[0].result), "(1,1); (1,1); (2,1); (3,1)");
  EXPECT_EQ(rig.query({"SELECT x FROM t"}), "x [] 1 / 2 / 3");
  // What is in memory is no durable state, and nothing may follow it.
  EXPECT_EQ(rig.database->durable_point().error().code, Errc::no_space);
  const std::vector<raft::Entry> more{entry(3, command({"INSERT INTO t VALUES(4)"}))};
  EXPECT_EQ(rig.database->apply(more).error().code, Errc::no_space);
  EXPECT_EQ(rig.query({"SELECT count(*) FROM t"}), "count(*) [] 3");
  rig.disk.set_full(false);
  EXPECT_TRUE(rig.database->apply(more));
  EXPECT_TRUE(rig.database->durable_point());
  rig.reopen();
  EXPECT_EQ(rig.query({"SELECT x FROM t"}), "x [] 1 / 2 / 3 / 4");
}

TEST(Full, table_of_row_ids_is_an_answer_and_no_full_disk) {
  Rig rig;
  rig.run({"CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, v)",
           "INSERT INTO a VALUES(9223372036854775807, 0)"});
  const auto shown = rig.batch(
      {command({"INSERT INTO a(v) VALUES(1)"}), command({"INSERT INTO a(id,v) VALUES(1,1)"})});
  EXPECT_EQ(shown, (std::vector<std::string>{"!database or disk is full", "(1,1)"}));
}

}  // namespace
}  // namespace lockstep::sql
