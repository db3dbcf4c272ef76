// What would break a transaction that many entries share: each trap in the middle of a batch must
// answer as it does alone, and leave its neighbours as they were.
#include <gtest/gtest.h>

#include "tests/sql/support.h"

namespace lockstep::sql {
namespace {

struct Trap {
  const char* name;
  std::vector<Text> texts;
  bool transaction = false;
  bool foreign_keys = false;
  bool succeeds = false;  // the first time
};

void PrintTo(const Trap& trap, std::ostream* out) {
  *out << trap.name;
}

const std::vector<std::string> kSetup = {
    command({"CREATE TABLE t(id INTEGER PRIMARY KEY, v UNIQUE ON CONFLICT ROLLBACK)",
             "CREATE TABLE u(id INTEGER PRIMARY KEY, v UNIQUE)",
             "CREATE TABLE parent(id INTEGER PRIMARY KEY)",
             "CREATE TABLE child(id INTEGER PRIMARY KEY, p REFERENCES parent DEFERRABLE INITIALLY "
             "DEFERRED)",
             "CREATE TABLE raised(x)",
             "CREATE TRIGGER tr BEFORE INSERT ON raised BEGIN SELECT RAISE(ROLLBACK,'raised'); END",
             "INSERT INTO t VALUES(1,1)", "INSERT INTO u VALUES(1,1)"})};

std::vector<Trap> traps() {
  return {
      {"on_conflict_rollback",
       {"INSERT INTO u VALUES(50,50)", "INSERT INTO t VALUES(2,1)", "INSERT INTO u VALUES(51,51)"}},
      {"or_rollback", {"INSERT OR ROLLBACK INTO u VALUES(2,1)", "INSERT INTO u VALUES(51,51)"}},
      {"or_rollback_tx",
       {"INSERT INTO u VALUES(50,50)", "INSERT OR ROLLBACK INTO u VALUES(2,1)",
        "INSERT INTO u VALUES(51,51)"},
       true},
      {"raise_rollback", {"INSERT INTO raised VALUES(1)", "INSERT INTO u VALUES(51,51)"}},
      {"commit_in_text", {"INSERT INTO u VALUES(50,50); COMMIT; INSERT INTO u VALUES(51,51)"}},
      {"rollback_in_text", {"INSERT INTO u VALUES(50,50)", "ROLLBACK"}},
      {"whole_transaction",
       {"BEGIN; INSERT INTO u VALUES(50,50); INSERT INTO u VALUES(51,51); COMMIT;"}},
      {"transaction_over_texts",
       {"BEGIN", "INSERT INTO u VALUES(50,50)", "ROLLBACK", "INSERT INTO u VALUES(51,51)"}},
      {"open_transaction", {"BEGIN", "INSERT INTO u VALUES(50,50)"}},
      {"begin_in_transaction", {"BEGIN", "INSERT INTO u VALUES(50,50)"}, true},
      {"savepoint",
       {"SAVEPOINT a; INSERT INTO u VALUES(50,50); ROLLBACK TO a; RELEASE a; INSERT INTO u "
        "VALUES(51,51)"}},
      {"release_host",
       {"INSERT INTO u VALUES(50,50)", "RELEASE lockstep_entry", "INSERT INTO u VALUES(51,51)"}},
      {"savepoint_in_transaction",
       {"SAVEPOINT a", "INSERT INTO u VALUES(50,50)", "ROLLBACK TO a", "RELEASE a"},
       true},
      {"insert_or_fail", {"INSERT OR FAIL INTO u VALUES(50,50),(51,1),(52,52)"}},
      {"insert_or_fail_tx", {"INSERT OR FAIL INTO u VALUES(50,50),(51,1),(52,52)"}, true},
      {"vacuum", {"INSERT INTO u VALUES(50,50)", "VACUUM", "INSERT INTO u VALUES(51,51)"}},
      {"vacuum_tx", {"INSERT INTO u VALUES(50,50)", "VACUUM"}, true},
      {"vacuum_into", {"VACUUM INTO 'elsewhere'"}},
      {"returning", {"INSERT INTO u VALUES(50,50),(51,51) RETURNING id"}},
      {"foreign_key_deferred",
       {"INSERT INTO child VALUES(1,7)", "INSERT INTO parent VALUES(8)"},
       false,
       true},
      {"foreign_key_deferred_tx",
       {"INSERT INTO child VALUES(1,7)", "INSERT INTO parent VALUES(8)"},
       true,
       true},
      {"foreign_key_repaired_tx",
       {"INSERT INTO child VALUES(1,7)", "INSERT INTO parent VALUES(7)"},
       true,
       true},
      {"foreign_keys_off_for_one",
       {"PRAGMA foreign_keys=OFF; INSERT INTO child VALUES(1,7)"},
       false,
       true},
      {"defer_foreign_keys",
       {"PRAGMA defer_foreign_keys=ON", "INSERT INTO child VALUES(1,7)"},
       false,
       true},
      {"temp_table",
       {"CREATE TEMP TABLE x(a)", "CREATE TABLE temp.y(a)", "INSERT INTO u VALUES(51,51)"}},
      {"attach", {"ATTACH 'other' AS o", "DETACH main"}},
      {"ddl_rolled_back",
       {"CREATE TABLE x(a)", "INSERT INTO x VALUES(1)", "INSERT INTO u VALUES(1,1)"},
       true},
      {"rename",
       {"ALTER TABLE u RENAME TO u2", "ALTER TABLE u2 RENAME TO u", "ALTER TABLE u ADD COLUMN w"}},
      {"full_text",
       {"CREATE VIRTUAL TABLE f USING fts5(a)", "INSERT INTO f VALUES('one two')",
        "INSERT INTO f(f) VALUES('optimize')", "DELETE FROM f WHERE f MATCH 'two'"},
       false,
       false,
       true},
      {"r_tree_checked",
       {"CREATE VIRTUAL TABLE r USING rtree(id,a,b)", "INSERT INTO r VALUES(1,2,3)",
        "INSERT INTO u SELECT 60, rtreecheck('r')"},
       false,
       false,
       true},
      {"full_text_merged",
       {"CREATE VIRTUAL TABLE g USING fts4(a)", "INSERT INTO g VALUES('one')",
        "INSERT INTO g VALUES('two')", "SELECT optimize(g) FROM g LIMIT 1"},
       false,
       false,
       true},
      {"full_text_merged_in_a_write",
       {"CREATE VIRTUAL TABLE g USING fts4(a)", "INSERT INTO g VALUES('one')",
        "INSERT INTO u SELECT 61, optimize(g) FROM g", "INSERT INTO u VALUES(51,51)"}},
      {"analyze", {"ANALYZE", "PRAGMA optimize", "REINDEX"}},
  };
}

class Traps : public testing::TestWithParam<Trap> {};

// One entry at a time against all in one batch; the neighbours also lean on what went before them.
TEST_P(Traps, in_a_batch_as_alone) {
  const Trap& trap = GetParam();
  std::vector<std::string> commands = kSetup;
  commands.push_back(command({"INSERT INTO u VALUES(10,10)"}));
  commands.push_back(
      command({"INSERT INTO child VALUES(5,NULL)", "DELETE FROM u WHERE id=10 RETURNING id"}));
  commands.push_back(command(trap.texts, {.transaction = trap.transaction, .seed = 1}));
  commands.push_back(command({"CREATE TABLE IF NOT EXISTS after(x)"}, {.seed = 2}));
  commands.push_back(command({"INSERT INTO parent VALUES(7)"}, {.seed = 3}));
  commands.push_back(command(trap.texts, {.transaction = trap.transaction, .seed = 4}));
  commands.push_back(command({"INSERT INTO u VALUES(20,20)", "SELECT changes()"}, {.seed = 5}));

  DatabaseOptions options{.foreign_keys = trap.foreign_keys};
  Rig alone(options);
  std::vector<std::string> expected;
  for (const auto& one : commands) expected.push_back(alone.batch({one})[0]);
  if (trap.succeeds) {
    EXPECT_EQ(expected[3].find('!'), std::string::npos) << expected[3];
  }
  options.seed = 99;
  options.cache_pages = 10;
  Rig together(options);
  EXPECT_EQ(together.batch(commands), expected);
  EXPECT_EQ(together.content(), alone.content());
  EXPECT_EQ(together.request({"PRAGMA integrity_check"}), "integrity_check [] 'ok'");
  EXPECT_EQ(together.request({"PRAGMA foreign_keys"}),
            std::string("foreign_keys [] ") + (trap.foreign_keys ? "1" : "0"));
}

INSTANTIATE_TEST_SUITE_P(All, Traps, testing::ValuesIn(traps()),
                         [](const auto& tested) { return tested.param.name; });

TEST(Batch, a_transaction_in_one_text_works) {
  Rig rig;
  rig.run({"CREATE TABLE t(x)"});
  EXPECT_EQ(
      rig.run({"BEGIN TRANSACTION; INSERT INTO t VALUES(1); INSERT INTO t VALUES(2); COMMIT;"}),
      "(2,1)");
  EXPECT_EQ(rig.run({"BEGIN; INSERT INTO t VALUES(3)"}),
            "error: transaction left open by the request: rolled back");
  EXPECT_EQ(rig.run({"COMMIT"}), "!cannot commit - no transaction is active");
  EXPECT_EQ(rig.run({"BEGIN"}, {.transaction = true}),
            "!cannot start a transaction within a transaction");
  EXPECT_EQ(rig.query({"SELECT count(*) FROM t"}), "count(*) [] 2");
}

TEST(Batch, insert_or_fail_keeps_the_rows_before) {
  Rig rig;
  rig.run({"CREATE TABLE u(id INTEGER PRIMARY KEY, v UNIQUE)"});
  EXPECT_EQ(rig.run({"INSERT OR FAIL INTO u VALUES(1,1),(2,2),(3,1)"}),
            "!UNIQUE constraint failed: u.v");
  EXPECT_EQ(rig.query({"SELECT count(*) FROM u"}), "count(*) [] 2");
  EXPECT_EQ(rig.run({"INSERT OR FAIL INTO u VALUES(4,4),(5,1)"}, {.transaction = true}),
            "!UNIQUE constraint failed: u.v");
  EXPECT_EQ(rig.query({"SELECT count(*) FROM u"}), "count(*) [] 2");
}

TEST(Batch, deferred_foreign_keys_are_each_requests_own) {
  Rig rig({.foreign_keys = true});
  rig.run({"CREATE TABLE parent(id INTEGER PRIMARY KEY)",
           "CREATE TABLE child(p REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"});
  // The second entry would repair what the first one broke.
  const auto shown = rig.batch(
      {command({"INSERT INTO child VALUES(7)"}), command({"INSERT INTO parent VALUES(7)"})});
  EXPECT_EQ(shown[0], "!FOREIGN KEY constraint failed");
  EXPECT_EQ(shown[1], "(7,1)");
  EXPECT_EQ(rig.run({"INSERT INTO child VALUES(8)"}, {.transaction = true}),
            "error: FOREIGN KEY constraint failed");
  EXPECT_EQ(rig.query({"SELECT count(*) FROM child"}), "count(*) [] 0");
}

TEST(Batch, a_destroyed_batch_keeps_everybody_elses_work_and_counters) {
  Rig rig;
  rig.run({"CREATE TABLE u(id INTEGER PRIMARY KEY, v UNIQUE)", "INSERT INTO u VALUES(1,1),(2,2)"});
  const auto shown = rig.batch(
      {command({"CREATE TABLE a(x)"}), command({"INSERT INTO u VALUES(3,3)"}),
       command({"INSERT OR ROLLBACK INTO u VALUES(4,1)"}), command({"CREATE TABLE b(x)"})});
  EXPECT_EQ(shown, (std::vector<std::string>{"(2,2)", "(3,1)", "!UNIQUE constraint failed: u.v",
                                             "(3,0)"}));
}

TEST(Refusals, what_leaves_the_file_or_stays_in_a_connection) {
  Rig rig;
  rig.run({"CREATE TABLE t(x)", "ANALYZE"});
  EXPECT_EQ(rig.run({"ATTACH 'x' AS y"}), "!ATTACH is not allowed");
  EXPECT_EQ(rig.run({"CREATE TEMP VIEW v AS SELECT 1"}), "!TEMP objects are not allowed");
  EXPECT_EQ(rig.run({"CREATE TABLE temp.y(a)"}), "!TEMP objects are not allowed");
  EXPECT_EQ(rig.run({"PRAGMA case_sensitive_like=1"}), "!disallowed pragma: case_sensitive_like");
  EXPECT_EQ(rig.run({"PRAGMA writable_schema=1"}), "!disallowed pragma: writable_schema");
  EXPECT_EQ(rig.run({"SELECT 1; PRAGMA journal_mode=DELETE"}), "!disallowed pragma: journal_mode");
  EXPECT_EQ(rig.run({"PRAGMA journal_mode(DELETE)"}), "!disallowed pragma: journal_mode");
  EXPECT_EQ(rig.run({"SELECT load_extension('x')"}), "!no such function: load_extension");
  EXPECT_EQ(rig.run({"VACUUM INTO 'x'"}), "!VACUUM INTO is not allowed");
  EXPECT_EQ(rig.run({"INSERT INTO sqlite_stat1 VALUES('t',NULL,'1')"}),
            "!table sqlite_stat1 may not be modified");
  EXPECT_EQ(rig.run({"DROP TABLE sqlite_stat1"}), "!table sqlite_stat1 may not be modified");
  EXPECT_EQ(rig.run({"CREATE VIRTUAL TABLE d USING dbstat"}), "!no such module: dbstat");
  EXPECT_EQ(rig.request({"SELECT * FROM sqlite_stmt"}),
            "!table sqlite_stmt is not allowed in a write");
  EXPECT_EQ(rig.run({"INSERT INTO t SELECT * FROM pragma_compile_options"}),
            "!table pragma_compile_options is not allowed in a write");
  EXPECT_EQ(rig.run({"INSERT INTO t SELECT sqlite_compileoption_get(0)"}),
            "!function sqlite_compileoption_get is not allowed in a write");
  EXPECT_EQ(rig.query({"SELECT sqlite_compileoption_used('THREADSAFE=2') AS yes"}), "yes [] 1");
  EXPECT_EQ(rig.request({"SELECT * FROM pragma_cache_size"}), "?!disallowed pragma: cache_size");
  EXPECT_EQ(rig.query({"PRAGMA journal_mode"}), "journal_mode [] 'wal'");
}

}  // namespace
}  // namespace lockstep::sql
