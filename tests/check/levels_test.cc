// The rules of the read levels, each on the smallest history that shows it.
#include "sim/check_levels.h"

#include <gtest/gtest.h>

namespace lockstep::check {
namespace {

// x: 1, 2, 3 written one after another at [0, 9], [10, 19], [20, 29]; y: 1 at [30, 39].
History base() {
  History history;
  for (int i = 0; i < 4; ++i) {
    Operation o;
    o.client = 1;
    o.kind = Kind::write;
    o.key = i < 3 ? "x" : "y";
    o.value = i < 3 ? std::to_string(i + 1) : "1";
    o.called = 10 * i;
    o.returned = 10 * i + 9;
    o.outcome = Outcome::ok;
    history.log.push_back({.index = 5u + static_cast<unsigned>(i), .key = o.key, .value = o.value});
    history.operations.push_back(std::move(o));
  }
  return history;
}
Operation read(Level level, Value value, std::int64_t called, const char* node = "",
               std::uint64_t start = 1) {
  Operation o;
  o.client = 2;
  o.node = node;
  o.start = start;
  o.key = "x";
  o.value = std::move(value);
  o.level = level;
  o.called = called;
  o.returned = called + 1;
  o.outcome = Outcome::ok;
  return o;
}
Operation read_both(Level level, Value x, Value y, std::int64_t called) {
  Operation o = read(level, {}, called);
  o.kind = Kind::txn;
  o.accesses = {{false, "x", std::move(x), true}, {false, "y", std::move(y), true}};
  return o;
}
LevelsResult check(std::vector<Operation> reads) {
  History history = base();
  for (Operation& r : reads) history.operations.push_back(std::move(r));
  const auto result = check_levels(history, std::nullopt);
  EXPECT_TRUE(result) << result.error().text;
  return result ? *result : LevelsResult{};
}
std::vector<Fault> faults(std::vector<Operation> reads) {
  std::vector<Fault> out;
  for (const Violation& v : check(std::move(reads)).violations) out.push_back(v.fault);
  return out;
}
using Faults = std::vector<Fault>;

TEST(Levels, weaker_reads_may_be_old_but_linearizable_ones_may_not) {
  for (const Level level : {Level::none, Level::weak}) {
    EXPECT_EQ(faults({read(level, "1", 50)}), Faults{});
    EXPECT_EQ(faults({read(level, std::nullopt, 50)}), Faults{});
  }
  for (const Level level : {Level::linearizable, Level::strong}) {
    EXPECT_EQ(faults({read(level, "3", 50)}), Faults{});
    EXPECT_EQ(faults({read(level, "2", 50)}), Faults{Fault::too_old});
  }
  // While write 3 is under way both are right.
  EXPECT_EQ(faults({read(Level::linearizable, "2", 22), read(Level::linearizable, "3", 25)}),
            Faults{});
  EXPECT_EQ(faults({read(Level::linearizable, "3", 22), read(Level::linearizable, "2", 25)}),
            Faults{Fault::went_back});
}

TEST(Levels, no_level_may_show_what_was_never_committed_or_not_yet_asked_for) {
  for (const Level level : {Level::none, Level::weak, Level::linearizable, Level::strong}) {
    EXPECT_EQ(faults({read(level, "77", 50)}), Faults{Fault::not_a_state});
    EXPECT_EQ(faults({read(level, "3", 12)}), Faults{Fault::from_future});
  }
}

TEST(Levels, a_node_goes_forward_until_it_starts_anew) {
  const auto none = [](const char* value, std::int64_t at, const char* node, std::uint64_t start) {
    return read(Level::none, value, at, node, start);
  };
  EXPECT_EQ(faults({none("2", 50, "a", 1), none("1", 60, "a", 1)}), Faults{Fault::went_back});
  EXPECT_EQ(faults({none("2", 50, "a", 1), none("1", 60, "b", 1)}), Faults{});
  EXPECT_EQ(faults({none("2", 50, "a", 1), none("1", 60, "a", 2)}), Faults{});
  // Concurrent reads have no order.
  EXPECT_EQ(faults({none("2", 50, "a", 1), none("1", 51, "a", 1)}), Faults{});
}

TEST(Levels, one_answer_is_of_one_moment) {
  EXPECT_EQ(faults({read_both(Level::none, "2", std::nullopt, 50)}), Faults{});
  EXPECT_EQ(faults({read_both(Level::none, "3", "1", 50)}), Faults{});
  EXPECT_EQ(faults({read_both(Level::none, "2", "1", 50)}), Faults{Fault::torn});
  EXPECT_EQ(faults({read_both(Level::none, "3", "1", 25)}), Faults{Fault::from_future});
}

TEST(Levels, staleness_is_counted_in_entries) {
  std::vector<Operation> reads;
  for (int i = 0; i < 90; ++i) reads.push_back(read(Level::none, "3", 50 + 2 * i));
  for (int i = 0; i < 10; ++i) reads.push_back(read(Level::none, "1", 50 + 2 * i));
  reads.push_back(read(Level::weak, std::nullopt, 50));
  const LevelsResult result = check(std::move(reads));
  const LevelCounts& none = result.counts[static_cast<std::size_t>(Level::none)];
  EXPECT_EQ(none.reads, 100u);
  EXPECT_EQ(none.stale, 10u);
  EXPECT_EQ(none.behind_p50, 0u);
  EXPECT_EQ(none.behind_p90, 0u);
  EXPECT_EQ(none.behind_p99, 3u);
  EXPECT_EQ(none.behind_max, 3u);
  EXPECT_EQ(result.counts[static_cast<std::size_t>(Level::weak)].behind_max, 4u);
  EXPECT_EQ(result.entries, 4u);
}

TEST(Levels, a_value_that_comes_back_is_at_home_in_both_places) {
  History history = base();
  history.log.push_back({.index = 9, .key = "x", .value = "1"});
  history.operations.push_back(history.operations[0]);
  history.operations.back().called = 40;
  history.operations.back().returned = 49;
  history.operations.back().index = 9;
  history.operations.push_back(read(Level::linearizable, "1", 60));
  history.operations.push_back(read_both(Level::none, "1", std::nullopt, 60));
  history.operations.push_back(read_both(Level::none, "1", "1", 60));
  const auto result = check_levels(history, std::nullopt);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->violation_count, 0u) << describe(*result);
}

TEST(Levels, rows_of_one_entry_appear_together) {
  History history;
  Operation both;
  both.kind = Kind::txn;
  both.accesses = {{true, "x", "1", true}, {true, "y", "2", true}};
  both.called = 0;
  both.returned = 9;
  both.outcome = Outcome::ok;
  history.operations = {both, read_both(Level::none, "1", std::nullopt, 20)};
  history.log = {{.index = 3, .key = "x", .value = "1"}, {.index = 3, .key = "y", .value = "2"}};
  const auto result = check_levels(history, std::nullopt);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->violation_count, 1u);
  EXPECT_EQ(result->violations[0].fault, Fault::torn);
}

TEST(Levels, the_words_say_where_the_value_was_at_home) {
  const LevelsResult result = check({read_both(Level::none, "2", "1", 50)});
  ASSERT_EQ(result.violations.size(), 1u);
  EXPECT_EQ(result.violations[0].words,
            "txn(read x = 2, read y = 1) by client 2, level none, event 50 to event 51: no "
            "committed state up to index 8 has what it saw\n"
            "    x = 2: index 6 to before 7\n"
            "    y = 1: index 8 to the end");
}

}  // namespace
}  // namespace lockstep::check
