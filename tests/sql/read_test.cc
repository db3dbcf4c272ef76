// Reads: rqlite's golden cases for query (contract, appendix A), refusals, snapshots.
#include <gtest/gtest.h>

#include "sql/reader.h"
#include "tests/sql/no_memory.h"
#include "tests/sql/support.h"

namespace lockstep::sql {
namespace {

constexpr char kFoo[] = "CREATE TABLE foo (id INTEGER NOT NULL PRIMARY KEY, name TEXT)";
constexpr char kRefused[] = "?!attempt to change database via query operation";

TEST(Query, rows_columns_and_types) {
  Rig rig;
  rig.run({kFoo});
  EXPECT_EQ(rig.query({"SELECT * FROM foo"}), "id,name [integer,text]");
  rig.run({"INSERT INTO foo(name) VALUES('fiona')"});
  EXPECT_EQ(rig.query({"SELECT *,name FROM foo"}),
            "id,name,name [integer,text,text] 1,'fiona','fiona'");
  EXPECT_EQ(rig.query({"SELECT sum(name) FROM foo"}), "sum(name) [] 0");
  EXPECT_EQ(rig.query({"PRAGMA table_info(\"foo\")"}),
            "cid,name,type,notnull,dflt_value,pk [,,,,,] 0,'id','INTEGER',1,null,1 / "
            "1,'name','TEXT',0,null,0");
  EXPECT_EQ(rig.query({"SELECT * FROM sqlite_master WHERE 0"}),
            "type,name,tbl_name,rootpage,sql [text,text,text,int,text]");
  EXPECT_EQ(rig.query({"SELECT x'53514C697465'"}), "x'53514C697465' [] x'53514C697465'");
}

TEST(Query, table_names_for_qualified_columns) {
  Rig rig;
  rig.run({"CREATE TABLE p(id,name)", "CREATE TABLE c(id,pid)"});
  const auto result = rig.reader->query(
      command({"SELECT p.id, c.pid, 1+1 FROM p JOIN c"}, {.kind = wire::CommandKind::query}));
  const auto& rows = std::get<Rows>(result.value().statements.at(0).outcome);
  EXPECT_EQ(rows.tables, (std::vector<std::string>{"p", "c", ""}));
}

TEST(Query, errors_and_empty_answers) {
  Rig rig;
  EXPECT_EQ(rig.query({"-----"}), "{}");
  EXPECT_EQ(rig.query({"SELECT * FROM foo"}), "?!no such table: foo");
  EXPECT_EQ(rig.query({"SELECTxx * FROM foo"}), "?!near \"SELECTxx\": syntax error");
  EXPECT_EQ(rig.query({"PRAGMA foreign_keys = ON"}), "{}");
  EXPECT_EQ(rig.query({"PRAGMA foreign_keys"}), "foreign_keys [] 0");
  EXPECT_EQ(rig.query({}), "");
}

TEST(Query, writes_are_refused_and_others_go_on) {
  Rig rig;
  rig.run({kFoo});
  EXPECT_EQ(rig.query({"INSERT INTO foo(name) VALUES('a')", "SELECT 1"}),
            std::string(kRefused) + "; 1 [] 1");
  for (const char* sql : {"INSERT INTO foo(name) VALUES('a') RETURNING id", "CREATE TABLE bar(x)",
                          "DROP TABLE foo", "CREATE TEMP TABLE bar(x)", "VACUUM", "ATTACH 'x' AS y",
                          "PRAGMA user_version=3", "ANALYZE"})
    EXPECT_EQ(rig.query({sql}), kRefused) << sql;
  EXPECT_EQ(rig.query({"EXPLAIN QUERY PLAN DELETE FROM foo WHERE name=1"}),
            "id,parent,notused,detail [,,,] 3,0,0,'SCAN foo'");
  EXPECT_EQ(rig.query({"BEGIN"}),
            "?!transaction control is not allowed in a read: use the transaction parameter");
}

TEST(Query, only_the_last_statement_of_a_text_answers) {
  Rig rig;
  EXPECT_EQ(rig.query({{"SELECT ?; SELECT ?", {{"", std::int64_t{1}}, {"", std::int64_t{2}}}}}),
            "? [] 2");
  EXPECT_EQ(rig.query({"SELECT 1; -- done"}), "1 [] 1");
  EXPECT_EQ(rig.query({{"SELECT ?; SELECT ?", {{"", std::int64_t{1}}}}}),
            "?!not enough args to execute query: want 1 got 0");
}

TEST(Query, classification) {
  Rig rig;
  rig.run({kFoo});
  EXPECT_TRUE(rig.is_read_only({"SELECT * FROM foo", "", "-- x", "EXPLAIN DELETE FROM foo"}));
  EXPECT_TRUE(rig.is_read_only({"PRAGMA table_info(foo)"}));
  EXPECT_FALSE(rig.is_read_only({"SELECT 1", "DELETE FROM foo"}));
  EXPECT_FALSE(rig.is_read_only({"SELECT 1; DELETE FROM foo"}));
  EXPECT_FALSE(rig.is_read_only({"SELECT * FROM missing"}));
  EXPECT_FALSE(rig.is_read_only({"BEGIN"}));
}

TEST(Query, time_and_random_follow_the_command) {
  Rig rig;
  const Options at{.stamp = 86'400'000, .seed = 5};
  EXPECT_EQ(rig.query({"SELECT datetime('now'), CURRENT_DATE"}, at),
            "datetime('now'),CURRENT_DATE [,] '1970-01-02 00:00:00','1970-01-02'");
  const auto first = rig.query({"SELECT random(), hex(randomblob(9))"}, at);
  EXPECT_EQ(first, rig.query({"SELECT random(), hex(randomblob(9))"}, at));
  EXPECT_NE(first, rig.query({"SELECT random(), hex(randomblob(9))"}, {.stamp = 1, .seed = 6}));
}

TEST(Query, snapshots_hold_while_the_writer_goes_on) {
  Rig rig;
  rig.run({"CREATE TABLE t(x)", "INSERT INTO t VALUES(1)"});
  auto older = rig.database->new_reader();
  auto newer = rig.database->new_reader();
  ASSERT_TRUE(older && newer);
  Connection& old_connection = static_cast<ConnectionReader&>(**older).connection();
  Connection& new_connection = static_cast<ConnectionReader&>(**newer).connection();
  const auto count = [](Connection& connection) {
    return connection.value_of("SELECT count(*) FROM t").value();
  };
  ASSERT_TRUE(old_connection.run(HostSql::begin_read));
  EXPECT_EQ(count(old_connection), "1");
  rig.run({"INSERT INTO t VALUES(2)"});
  ASSERT_TRUE(new_connection.run(HostSql::begin_read));
  EXPECT_EQ(count(new_connection), "2");
  for (int i = 0; i < 50; ++i) rig.run({"INSERT INTO t VALUES(randomblob(3000))"});
  ASSERT_TRUE(rig.database->checkpoint(Checkpoint::beside_writer));
  EXPECT_GT(rig.database->status().wal_bytes, 0u);  // partial: the old reader needs its frames
  EXPECT_GT(rig.database->durable().wal_frames, 0u);
  EXPECT_EQ(count(old_connection), "1");
  EXPECT_EQ(count(new_connection), "2");
  EXPECT_EQ(rig.query({"SELECT count(*) FROM t"}), "count(*) [] 52");
  ASSERT_TRUE(old_connection.run(HostSql::rollback));
  ASSERT_TRUE(new_connection.run(HostSql::rollback));
  ASSERT_TRUE(rig.database->checkpoint(Checkpoint::beside_writer));
  EXPECT_EQ(rig.database->status().wal_bytes, 0u);
  EXPECT_EQ(rig.database->durable().wal_frames, 0u);
}

TEST(Query, interrupt_without_a_query_means_none) {
  Rig rig;
  rig.reader->interrupt();
  EXPECT_EQ(rig.query({"SELECT 1"}), "1 [] 1");
  EXPECT_EQ(rig.query({"SELECT 1"}, {.timeout = seconds(1)}), "1 [] 1");
  rig.reader->interrupt();
  EXPECT_EQ(rig.query({"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<9999) "
                       "SELECT count(*) FROM n"}),
            "count(*) [] 9999");
}

TEST(Query, retired_reader_ends_whatever_it_is_asked) {
  Rig rig;
  rig.reader->retire();
  const std::string ended = std::string("?!") + kReadInterrupted;
  EXPECT_EQ(rig.query({"SELECT 1"}), ended);
  EXPECT_EQ(rig.query({"SELECT 1"}), ended);
}

TEST(Query, a_read_that_finds_no_memory_ends_alone) {
  Rig rig;
  rig.run({"CREATE TABLE t(x)", "INSERT INTO t VALUES(1)"});
  const std::string failed = "?!out of memory";
  for (const bool transaction : {false, true}) {
    const NoMemory limit(1 << 20);
    // In a function, for a sorter, as a row is read.
    for (const char* sql :
         {"SELECT length(hex(zeroblob(20000000)))",
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<99999) "
          "SELECT i FROM n ORDER BY i%7",
          "SELECT zeroblob(20000000)"}) {
      EXPECT_EQ(
          rig.query({"SELECT x FROM t", sql, "SELECT x FROM t"}, {.transaction = transaction}),
          "x [] 1; " + failed + "; x [] 1")
          << sql;
    }
  }
  // However little there is: an answer or an error, and the next read is as good as ever.
  for (std::int64_t left = 0; left < 60'000; left += 500) {
    {
      const NoMemory limit(left);
      const Options options{.kind = wire::CommandKind::query, .transaction = left % 1000 == 0};
      const auto result = rig.reader->query(
          command({"SELECT count(*) FROM t AS a, t AS b WHERE a.x=b.x GROUP BY b.x",
                   "SELECT x FROM t", "PRAGMA table_info(t)"},
                  options));
      ASSERT_TRUE(result) << result.error().text;
    }
    ASSERT_EQ(rig.query({"SELECT x FROM t"}), "x [] 1");
  }
}

TEST(Query, failure_of_the_disk_is_no_answer) {
  Rig rig;
  rig.run({"CREATE TABLE t(x)", "INSERT INTO t VALUES(randomblob(3000))"});
  ASSERT_TRUE(rig.database->checkpoint(Checkpoint::restart_wal));
  rig.disk.kill_process();  // its handles fail from now on
  const auto result = rig.reader->query(
      command({"SELECT 1", "SELECT length(x) FROM t"}, {.kind = wire::CommandKind::query}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::io);
}

}  // namespace
}  // namespace lockstep::sql
