// rqlite's golden cases for execute and request (contract, appendix A), and what a statement of a
// command answers.
#include <gtest/gtest.h>

#include "tests/sql/support.h"

namespace lockstep::sql {
namespace {

constexpr char kFoo[] = "CREATE TABLE foo (id INTEGER NOT NULL PRIMARY KEY, name TEXT)";

TEST(Execute, ddl_on_a_fresh_database_answers_zeros) {
  Rig rig;
  EXPECT_EQ(rig.run({kFoo}), "(0,0)");
  EXPECT_EQ(rig.run({"DELETE FROM foo WHERE id=5"}), "(0,0)");
}

TEST(Execute, inserts_and_their_errors) {
  Rig rig;
  rig.run({kFoo});
  EXPECT_EQ(rig.run({R"(INSERT INTO foo(name) VALUES("fiona"))"}), "(1,1)");
  EXPECT_EQ(rig.run({"INSERT INTO foo(id,name) VALUES(1,'x')"}),
            "!UNIQUE constraint failed: foo.id");
  EXPECT_EQ(rig.run({kFoo}), "!table foo already exists");
  EXPECT_EQ(rig.run({"INSERT INTO foo(id,name) VALUES(2,'y')"}), "(2,1)");
  EXPECT_EQ(rig.run({"UPDATE foo SET name='z' WHERE id=2"}), "(2,1)");
  EXPECT_EQ(rig.run({"SELECTxx"}), "!near \"SELECTxx\": syntax error");
  EXPECT_EQ(rig.run({"INSERT INTO bar VALUES(1)"}), "!no such table: bar");
}

TEST(Execute, counters_stay_as_the_last_writer_left_them) {
  Rig rig;
  rig.run({kFoo, "INSERT INTO foo(name) VALUES('a'),('b'),('c')"});
  EXPECT_EQ(rig.run({"CREATE TABLE other(x)"}), "(3,3)");
  EXPECT_EQ(rig.run({"SELECT 1"}), "(3,3)");
  EXPECT_EQ(rig.run({"DROP TABLE foo"}), "(3,3)");
}

TEST(Execute, counters_survive_a_restart) {
  Rig rig;
  rig.run({kFoo, "INSERT INTO foo(name) VALUES('a'),('b'),('c')"});
  ASSERT_TRUE(rig.database->durable_point());
  rig.reopen();
  EXPECT_EQ(rig.run({"CREATE TABLE other(x)"}), "(3,3)");
  EXPECT_EQ(rig.request({"SELECT changes(), last_insert_rowid(), total_changes()"}),
            "changes(),last_insert_rowid(),total_changes() [,,] 3,3,0");
}

TEST(Execute, batch_without_transaction_goes_on_after_an_error) {
  Rig rig;
  rig.run({kFoo});
  EXPECT_EQ(
      rig.run({"INSERT INTO foo(id,name) VALUES(1,'a')", "INSERT INTO foo(id,name) VALUES(2,'a')",
               "INSERT INTO foo(id,name) VALUES(1,'a')", "INSERT INTO foo(id,name) VALUES(3,'a')"}),
      "(1,1); (2,1); !UNIQUE constraint failed: foo.id; (3,1)");
  EXPECT_EQ(rig.query({"SELECT count(*) FROM foo"}), "count(*) [] 3");
}

TEST(Execute, transaction_stops_and_rolls_back_at_the_first_error) {
  Rig rig;
  rig.run({kFoo});
  const Options in_transaction{.transaction = true};
  EXPECT_EQ(
      rig.run({"INSERT INTO foo(id,name) VALUES(1,'a')", "INSERT INTO foo(id,name) VALUES(2,'a')",
               "INSERT INTO foo(id,name) VALUES(1,'a')", "INSERT INTO foo(id,name) VALUES(3,'a')"},
              in_transaction),
      "(1,1); (2,1); !UNIQUE constraint failed: foo.id");
  EXPECT_EQ(rig.query({"SELECT count(*) FROM foo"}), "count(*) [] 0");
  EXPECT_EQ(rig.run({"INSERT INTO foo(id) VALUES(9)", "SELEC"}, in_transaction),
            "(9,1); !near \"SELEC\": syntax error");
  EXPECT_EQ(rig.query({"SELECT count(*) FROM foo"}), "count(*) [] 0");
}

TEST(Execute, returning_answers_rows) {
  Rig rig;
  rig.run({kFoo});
  EXPECT_EQ(rig.run({"INSERT INTO foo(id,name) VALUES(2,'declan') RETURNING *"}),
            "id,name [integer,text] 2,'declan'");
  EXPECT_EQ(rig.run({"UPDATE foo SET name='x' WHERE id=77 RETURNING name"}), "name [text]");
  EXPECT_EQ(rig.run({"INSERT INTO foo(id) VALUES(3),(4) RETURNING id"}, {.no_parse = true}),
            "(4,2)");
  EXPECT_EQ(rig.query({"SELECT count(*) FROM foo"}), "count(*) [] 3");
  EXPECT_EQ(rig.run({"INSERT INTO foo(id) VALUES(3) RETURNING id"}),
            "?!UNIQUE constraint failed: foo.id");
}

TEST(Execute, explain_answers_rows) {
  Rig rig;
  rig.run({kFoo});
  EXPECT_EQ(rig.run({"EXPLAIN QUERY PLAN DELETE FROM foo WHERE name=1"}),
            "id,parent,notused,detail [,,,] 3,0,0,'SCAN foo'");
  EXPECT_EQ(rig.run({"EXPLAIN QUERY PLAN DELETE FROM foo WHERE name=1"}, {.no_parse = true}),
            "(0,0)");
}

TEST(Execute, several_statements_in_one_text_answer_once) {
  Rig rig;
  rig.run({kFoo, "CREATE TABLE bar(x)"});
  EXPECT_EQ(rig.run({"INSERT INTO foo(name) VALUES('a');INSERT INTO bar VALUES(1),(2); -- end"}),
            "(2,2)");
  EXPECT_EQ(
      rig.run({"INSERT INTO bar VALUES(3);INSERT INTO nix VALUES(1);INSERT INTO bar VALUES(4)"}),
      "!no such table: nix");
  EXPECT_EQ(rig.query({"SELECT count(*) FROM bar"}), "count(*) [] 3");
  EXPECT_EQ(rig.run({"INSERT INTO foo(name) VALUES('b');DROP TABLE foo;INSERT INTO bar VALUES(5)"}),
            "(4,1)");
}

TEST(Execute, comments_and_empty_texts) {
  Rig rig;
  EXPECT_EQ(rig.run({"-----", "", "  ", "/* x */;"}), "{}; {}; {}");
}

// As for rqlite, whose driver hands SQLite C strings.
TEST(Execute, a_text_ends_at_its_first_nul) {
  using namespace std::string_literals;
  Rig rig;
  rig.run({"CREATE TABLE t(x)"});
  const std::vector<Text> texts{"\0"s,
                                "\0INSERT INTO t VALUES(1)"s,
                                "INSERT INTO t VALUES(2)\0,(3)"s,
                                "INSERT INTO t VALUES(4);\0INSERT INTO t VALUES(5)"s,
                                "INSERT INTO t VALUES(6);INSERT INTO t VALUES(7); \0;"s,
                                "-- x\0\nINSERT INTO t VALUES(8)"s,
                                "INSERT INTO t VALUES('\0')"s,
                                "INSERT\0 INTO t VALUES(9)"s};
  const std::string expected =
      "{}; {}; (1,1); (2,1); (4,1); {}; !unrecognized token: \"'\"; !incomplete input";
  EXPECT_EQ(rig.run(texts), expected);
  EXPECT_EQ(rig.query({"SELECT group_concat(x) FROM t"}), "group_concat(x) [] '2,4,6,7'");
  // The same alone, and of an entry that an earlier version left in the log.
  Rig alone;
  alone.run({"CREATE TABLE t(x)"});
  EXPECT_EQ(alone.run(texts, {.timeout = seconds(1)}), expected);
  EXPECT_EQ(alone.content(), rig.content());

  EXPECT_EQ(rig.query({"SELECT 1\0,2"s, "\0"s, "SELECT 1; SELECT 2;\0SELECT 3"s, " \0"s}),
            "1 [] 1; {}; 2 [] 2; {}");
  EXPECT_TRUE(rig.is_read_only({"SELECT 1;\0DELETE FROM t"s, "\0"s}));
  EXPECT_FALSE(rig.is_read_only({"DELETE FROM t\0"s}));
}

// Whatever the bytes: a text is an error or an answer.
TEST(Execute, no_text_is_too_strange) {
  constexpr std::string_view kPieces[] = {
      {"\0", 1}, "\v", "\n", " ", ";", "--", "/*", "*/", "\xEF\xBB\xBF", "\xEF",   "\xFF",
      "'",       "\"", "[",  "(", ")", "1",  "x'", "?",  "SELECT 1",     "SELECT", "EXPLAIN"};
  Rng rng(1);
  Rig rig;
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::uint64_t pieces = rng.between(1, 6); pieces > 0; --pieces)
      text += kPieces[rng.below(std::size(kPieces))];
    ASSERT_FALSE(rig.run({text}).starts_with("failed")) << text;
    ASSERT_FALSE(rig.query({text}).starts_with("failed")) << text;
    rig.is_read_only({text});
  }
}

TEST(Execute, strict_tables) {
  Rig rig;
  rig.run({"CREATE TABLE foo(data BLOB) STRICT"});
  EXPECT_EQ(rig.run({"INSERT INTO foo VALUES('hello')"}),
            "!cannot store TEXT value in BLOB column foo.data");
}

TEST(Execute, disallowed_pragmas_fail_the_whole_request) {
  Rig rig;
  for (const char* sql : {"PRAGMA journal_mode=DELETE", "pragma main.synchronous = 2",
                          "PRAGMA wal_checkpoint(TRUNCATE)", "/* x */ PRAGMA wal_checkpoint",
                          "PRAGMA wal_autocheckpoint=1", "PRAGMA query_only=1"}) {
    EXPECT_EQ(rig.run({"CREATE TABLE t(x)", sql}), "error: disallowed pragma") << sql;
    EXPECT_EQ(rig.request({sql}), "error: disallowed pragma") << sql;
    EXPECT_EQ(rig.query({sql}), "error: disallowed pragma") << sql;
  }
  EXPECT_EQ(rig.query({"SELECT count(*) FROM sqlite_schema"}), "count(*) [] 0");
}

TEST(Request, mixes_reads_and_writes) {
  Rig rig;
  rig.run({kFoo});
  EXPECT_EQ(rig.request({"INSERT INTO foo(name) VALUES('fiona')", "SELECT COUNT(*) FROM foo",
                         "SELECT * FROM bar"}),
            "(1,1); COUNT(*) [] 1; !no such table: bar");
  EXPECT_EQ(rig.request({"-----", "SELECT * FROM qux"}), "{}; !no such table: qux");
  EXPECT_EQ(rig.request({"INSERT INTO foo(name) VALUES('a')", "INSERT INTO foo(id) VALUES(1)",
                         "INSERT INTO foo(name) VALUES('b')"},
                        {.transaction = true}),
            "(2,1); !UNIQUE constraint failed: foo.id");
  EXPECT_EQ(rig.request({"PRAGMA user_version=5", "PRAGMA user_version"}),
            "(2,0); user_version [] 5");
}

TEST(Request, entries_that_change_nothing_only_advance) {
  Rig rig;
  std::vector<raft::Entry> entries{
      entry(1, ""),
      entry(2, command({"CREATE TABLE t(x)"}, {.kind = wire::CommandKind::strong_read})),
      entry(3, "garbage")};
  entries[0].kind = raft::EntryKind::noop;
  auto applied = rig.database->apply(entries);
  ASSERT_TRUE(applied);
  EXPECT_EQ(show((*applied)[0].result), "");
  EXPECT_EQ(show((*applied)[1].result), "");
  EXPECT_EQ(show((*applied)[2].result), "error: malformed command");
  EXPECT_EQ(rig.database->status().applied, LogIndex{3});
  EXPECT_EQ(rig.query({"SELECT count(*) FROM sqlite_schema"}), "count(*) [] 0");
}

TEST(Execute, step_budget_bounds_a_statement_and_spares_others) {
  Rig rig({.step_limit = 20'000});
  rig.run({"CREATE TABLE t(x)"});
  constexpr char kEndless[] =
      "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n";
  const Options timed{.timeout = milliseconds(1)};
  const auto shown = rig.batch({command({"INSERT INTO t VALUES(1)"}),
                                command({kEndless, "INSERT INTO t VALUES(2)"}, timed),
                                command({"INSERT INTO t VALUES(3)"})});
  EXPECT_EQ(shown[0], "(1,1)");
  EXPECT_EQ(shown[1], "!execute timeout; !execute timeout");
  EXPECT_EQ(shown[2], "(2,1)");
  EXPECT_EQ(rig.query({"SELECT group_concat(x) FROM t"}), "group_concat(x) [] '1,3'");
  EXPECT_EQ(
      rig.query(
          {"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n"},
          timed),
      "?!query timeout");
}

constexpr char kEndlessInsert[] =
    "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n";
constexpr char kEndlessQuery[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n";

TEST(Execute, an_endless_request_ends_without_a_timeout_and_spares_others) {
  Rig rig({.request_steps_max = 200'000});
  rig.run({"CREATE TABLE t(x)"});
  const auto shown = rig.batch({command({"INSERT INTO t VALUES(1)"}), command({kEndlessInsert}),
                                command({"INSERT INTO t VALUES(2)", kEndlessQuery}),
                                command({"INSERT INTO t VALUES(3)"})});
  EXPECT_EQ(shown[0], "(1,1)");
  EXPECT_EQ(shown[1], "!execute timeout");
  EXPECT_EQ(shown[2], "(2,1); !query timeout");
  EXPECT_EQ(shown[3], "(3,1)");
  EXPECT_EQ(rig.query({"SELECT group_concat(x) FROM t"}), "group_concat(x) [] '1,2,3'");
  EXPECT_EQ(rig.query({kEndlessQuery}), "?!query timeout");
  // A db_timeout is no way round it.
  EXPECT_EQ(rig.run({kEndlessInsert}, {.timeout = std::chrono::hours(24)}), "!execute timeout");
}

// Between the rough bound of a batch and the exact one of a request that runs alone.
TEST(Execute, a_long_request_is_cut_at_the_same_step_whatever_was_cached_and_batched) {
  const auto rows_of = [](bool warm, std::size_t companions) {
    Rig rig({.request_steps_max = 60'000});
    rig.run({"CREATE TABLE t(x)"});
    const std::string text =
        "INSERT OR FAIL INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n "
        "LIMIT :n) SELECT i FROM n";
    std::vector<std::string> shown;
    for (const int rows : {1000, 1500, 2000, 2500, 3000, 4000, 6000}) {
      const std::string sql = std::string(text).replace(text.find(":n"), 2, std::to_string(rows));
      if (warm) rig.run({"INSERT INTO t VALUES(0)", "DELETE FROM t WHERE x=0"});
      std::vector<std::string> commands(companions, command({"SELECT 1"}));
      commands.push_back(command({sql}));
      shown.push_back(rig.batch(commands).back());
      shown.push_back(rig.query({"SELECT count(*) FROM t"}));
    }
    return shown;
  };
  const auto expected = rows_of(false, 0);
  EXPECT_EQ(expected.front().substr(0, 1), "(");
  EXPECT_EQ(expected[expected.size() - 2], "!execute timeout");
  EXPECT_EQ(rows_of(true, 0), expected);
  EXPECT_EQ(rows_of(true, 5), expected);
}

// A query has nothing to take back, so only the budget sends it out of its batch. With a db_timeout
// it is counted exactly from the beginning.
TEST(Execute, a_long_query_has_the_whole_exact_budget_with_and_without_a_timeout) {
  const auto longest = [](Duration timeout) {
    Rig rig({.request_steps_max = 60'000});
    for (int rows = 100;; rows += 100) {
      const std::string count = std::to_string(rows);
      const auto shown =
          rig.request({"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT " +
                       count + ") SELECT count(*) AS c FROM n"},
                      {.timeout = timeout});
      if (shown == "?!query timeout") return rows;
      EXPECT_EQ(shown, "c [] " + count);
    }
  };
  EXPECT_EQ(longest({}), longest(std::chrono::hours(1)));
}

}  // namespace
}  // namespace lockstep::sql
