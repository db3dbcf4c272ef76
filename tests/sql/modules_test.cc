// Modules of SQLite (full text, R-trees, dbstat) and the statements they run of their own: these
// work, and are no way round what the user's own may not do.
#include <gtest/gtest.h>

#include "tests/sql/support.h"

namespace lockstep::sql {
namespace {

TEST(Modules, fts5_writes_and_searches) {
  Rig rig;
  EXPECT_EQ(rig.run({"CREATE VIRTUAL TABLE notes USING fts5(title)"}).find('!'), std::string::npos);
  EXPECT_EQ(rig.run({"INSERT INTO notes(title) VALUES('red panda'),('blue whale')"}), "(2,2)");
  EXPECT_EQ(rig.query({"SELECT rowid, title FROM notes WHERE notes MATCH 'panda'"}),
            "rowid,title [integer,] 1,'red panda'");
  EXPECT_EQ(
      rig.request({"SELECT highlight(notes,0,'<','>') AS h FROM notes('whale') ORDER BY rank"}),
      "h [] 'blue <whale>'");
  EXPECT_EQ(rig.run({"UPDATE notes SET title='brown bear' WHERE rowid=1",
                     "DELETE FROM notes WHERE notes MATCH 'whale'"}),
            "(1,1); (1,1)");
  for (const char* task : {"integrity-check", "optimize", "rebuild"}) {
    const std::string sql = std::string("INSERT INTO notes(notes) VALUES('") + task + "')";
    EXPECT_EQ(rig.run({sql}).find('!'), std::string::npos) << task;
  }
  rig.run({"CREATE VIRTUAL TABLE terms USING fts5vocab(notes,row)"});
  EXPECT_EQ(rig.query({"SELECT term FROM terms"}), "term [] 'bear' / 'brown'");

  // The first to use a table connects to it, which is before a statement runs, whichever it is.
  const std::string columns = "cid,name,type,notnull,dflt_value,pk [,,,,,] 0,'title','',0,null,0";
  for (const char* sql : {"PRAGMA table_info(notes)", "EXPLAIN SELECT * FROM notes",
                          "SELECT count(*) FROM notes", "DELETE FROM notes WHERE rowid=77"}) {
    ASSERT_TRUE(rig.database->durable_point());
    rig.reopen();
    EXPECT_EQ(rig.request({sql}).find('!'), std::string::npos) << sql;
    EXPECT_NE(rig.query({sql}).find(std::string_view(sql).starts_with("D") ? "attempt" : "["),
              std::string::npos)
        << sql;
  }
  EXPECT_EQ(rig.query({"PRAGMA table_info(notes)"}), columns);
  EXPECT_EQ(rig.run({"ALTER TABLE notes RENAME TO other", "DROP TABLE other"}).find('!'),
            std::string::npos);
}

TEST(Modules, geopoly_writes_and_searches) {
  Rig rig;
  EXPECT_EQ(rig.run({"CREATE VIRTUAL TABLE fields USING geopoly(owner)"}).find('!'),
            std::string::npos);
  EXPECT_EQ(rig.run({"INSERT INTO fields(owner,_shape) VALUES('ann','[[0,0],[2,0],[2,2],[0,0]]'),"
                     "('bob','[[8,8],[9,8],[9,9],[8,8]]')"}),
            "(2,2)");
  EXPECT_EQ(
      rig.query({"SELECT owner, geopoly_area(_shape) AS area FROM fields"
                 " WHERE geopoly_overlap(_shape, geopoly_bbox('[[1,0],[3,0],[3,1],[1,0]]'))"}),
      "owner,area [,] 'ann',2");
  EXPECT_EQ(rig.run({"DELETE FROM fields_rowid"}), "!table fields_rowid may not be modified");
  EXPECT_EQ(rig.run({"DELETE FROM fields WHERE owner='bob'", "DROP TABLE fields"}).find('!'),
            std::string::npos);
}

TEST(Modules, rtreecheck_and_dbstat_read) {
  Rig rig;
  rig.run({"CREATE VIRTUAL TABLE boxes USING rtree(id,x0,x1)", "INSERT INTO boxes VALUES(1,0,10)",
           "CREATE TABLE t(x)"});
  const std::string good = "rtreecheck('boxes') [] 'ok'";
  EXPECT_EQ(rig.query({"SELECT rtreecheck('boxes')"}), good);
  EXPECT_EQ(rig.query({"SELECT rtreecheck('boxes')", "SELECT 1"}, {.transaction = true}),
            good + "; 1 [] 1");
  EXPECT_EQ(rig.request({"SELECT rtreecheck('boxes')"}), good);
  // In a transaction that others share, in its own, in none.
  EXPECT_EQ(rig.run({"INSERT INTO t SELECT rtreecheck('boxes')"}), "(1,1)");
  EXPECT_EQ(rig.run({"INSERT INTO t SELECT rtreecheck('boxes')"}, {.transaction = true}), "(2,1)");
  EXPECT_EQ(rig.run({"PRAGMA foreign_keys=0; INSERT INTO t SELECT rtreecheck('boxes')"}), "(3,1)");
  EXPECT_EQ(rig.query({"SELECT group_concat(x) FROM t"}), "group_concat(x) [] 'ok,ok,ok'");
  EXPECT_EQ(rig.query({"SELECT count(*) FROM dbstat WHERE name='t'"}), "count(*) [] 1");
  EXPECT_EQ(rig.request({"SELECT count(*) FROM dbstat"}),
            "!table dbstat is not allowed in a write");
}

// SQLite would say that the database is busy, which ends a node.
TEST(Modules, fts4_is_not_merged_inside_a_statement_that_writes) {
  Rig rig;
  rig.run({"CREATE VIRTUAL TABLE f USING fts4(a)", "CREATE TABLE t(x)"});
  rig.run({"INSERT INTO f VALUES('one')"});
  rig.run({"INSERT INTO f VALUES('two')"});
  const std::string refused = "!optimize() is not allowed in a statement that writes";
  for (const Duration timeout : {Duration(), Duration(seconds(1))}) {
    EXPECT_EQ(rig.run({"INSERT INTO t SELECT optimize(f) FROM f"}, {.timeout = timeout}), refused);
    EXPECT_EQ(rig.run({"PRAGMA foreign_keys=0; INSERT INTO t SELECT optimize(f) FROM f"}), refused);
  }
  EXPECT_EQ(rig.query({"SELECT optimize(f) FROM f LIMIT 1"}),
            "?!attempt to change database via query operation");
  EXPECT_EQ(rig.request({"SELECT optimize(f) AS o FROM f LIMIT 1"}), "o [] 'Index optimized'");
  EXPECT_EQ(rig.request({"SELECT optimize(f) AS o FROM f LIMIT 1"}),
            "o [] 'Index already optimal'");
}

TEST(Modules, what_only_they_may_ask_stays_refused_to_others) {
  Rig rig;
  rig.run({"CREATE VIRTUAL TABLE f USING fts5(a)", "INSERT INTO f VALUES('one')",
           "CREATE VIEW seen AS SELECT data_version FROM pragma_data_version", "CREATE TABLE t(x)",
           "CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO t SELECT * FROM seen; END"});
  EXPECT_EQ(rig.request({"PRAGMA data_version"}), "!disallowed pragma: data_version");
  EXPECT_EQ(rig.request({"/* */; PRAGMA main.data_version"}), "!disallowed pragma: data_version");
  EXPECT_EQ(rig.query({"PRAGMA data_version"}), "?!disallowed pragma: data_version");
  EXPECT_EQ(rig.request({"SELECT * FROM pragma_optimize"}), "?!disallowed pragma: optimize");
  const std::string refused = "!table pragma_data_version is not allowed in a write";
  for (const char* sql : {"SELECT * FROM pragma_data_version", "SELECT count(*) FROM seen",
                          "INSERT INTO t VALUES(1)", "SELECT a, data_version FROM f, seen"})
    EXPECT_EQ(rig.request({sql}), refused) << sql;
  // Through a table that a module reads for the user.
  rig.run({"CREATE VIRTUAL TABLE shown USING fts5(data_version, content='pragma_data_version')",
           "CREATE VIRTUAL TABLE stats USING fts4(sql, content='sqlite_stmt')"});
  EXPECT_EQ(rig.request({"SELECT * FROM shown"}), "?" + refused);
  for (const char* table : {"shown", "stats"}) {
    const std::string sql =
        std::string("INSERT INTO ") + table + "(" + table + ") VALUES('rebuild')";
    EXPECT_NE(rig.run({sql}).find('!'), std::string::npos) << table;
  }
}

// A full text index that makes no sense fails where its table is flushed, which is between entries.
TEST(Modules, their_shadow_tables_are_theirs_to_write) {
  Rig rig;
  rig.run({"CREATE VIRTUAL TABLE f4 USING fts4(a)", "CREATE VIRTUAL TABLE f5 USING fts5(a)",
           "CREATE VIRTUAL TABLE r USING rtree(id,a,b)", "INSERT INTO r VALUES(1,2,3)"});
  for (int i = 0; i < 16; ++i)
    rig.run({"INSERT INTO f4 VALUES('alpha')", "INSERT INTO f5 VALUES('alpha')"});
  const std::pair<const char*, const char*> writes[] = {
      {"UPDATE f4_segdir SET root=zeroblob(10)", "f4_segdir"},
      {"DELETE FROM f5_data", "f5_data"},
      {"INSERT INTO r_node VALUES(7,zeroblob(3))", "r_node"}};
  for (const auto& [sql, table] : writes) {
    const std::string refused = std::string("!table ") + table + " may not be modified";
    EXPECT_EQ(rig.run({sql}), refused);
    EXPECT_EQ(rig.run({std::string("PRAGMA foreign_keys=0; ") + sql}), refused);
  }
  EXPECT_EQ(rig.run({"DROP TABLE f5_data"}), "!table f5_data may not be dropped");
  EXPECT_EQ(rig.run({"INSERT INTO f4 VALUES('beta')", "INSERT INTO f5 VALUES('beta')",
                     "DELETE FROM r WHERE id=1"}),
            "(17,1); (17,1); (1,1)");
  // They are there to be read, and go with their table.
  EXPECT_EQ(rig.query({"SELECT count(*) FROM f5_content"}), "count(*) [] 17");
  EXPECT_EQ(rig.run({"VACUUM", "DROP TABLE f4", "DROP TABLE f5", "DROP TABLE r"}).find('!'),
            std::string::npos);
}

// A module remembers what it has read of its table; one that has just connected reads it.
TEST(Modules, a_statement_is_cut_at_the_same_step_whatever_they_remember) {
  const std::vector<Text> probe{"INSERT INTO t SELECT rowid FROM f('a')",
                                "INSERT INTO t VALUES(9)"};
  std::size_t cut = 0;
  for (std::uint64_t steps = 1; steps < 120; ++steps) {
    Rig evolved({.step_limit = steps});
    Rig reopened({.step_limit = steps});
    for (Rig* rig : {&evolved, &reopened}) {
      rig->run({"CREATE VIRTUAL TABLE f USING fts5(a)", "CREATE TABLE t(x)"});
      rig->run(
          {"INSERT INTO f VALUES('a b c'),('d e f')", "INSERT INTO t SELECT rowid FROM f('d')"});
    }
    ASSERT_TRUE(reopened.database->durable_point());
    reopened.reopen();
    const std::string shown = evolved.run(probe, {.timeout = seconds(1)});
    cut += shown.find("timeout") != std::string::npos ? 1 : 0;
    EXPECT_EQ(reopened.run(probe, {.timeout = seconds(1)}), shown) << steps;
    EXPECT_EQ(reopened.content(), evolved.content()) << steps;
  }
  EXPECT_GT(cut, 20u);
  EXPECT_LT(cut, 110u);
}

}  // namespace
}  // namespace lockstep::sql
