// The SQLite in this program is the one that we chose and built, with the options that we chose.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "tests/sql/support.h"

namespace lockstep::sql {
namespace {

TEST(Sqlite, is_the_pinned_one) {
  EXPECT_STREQ(sqlite3_libversion(), "3.46.1");
  EXPECT_STREQ(sqlite3_libversion(), SQLITE_VERSION);
  EXPECT_STREQ(sqlite3_sourceid(),
               "2024-08-13 09:16:08 "
               "c9c2ab54ba1f5f46360f1b4f35d849cd3f080e6fc2b6c60e91b16c63f69aalt1");
  EXPECT_STREQ(sqlite3_sourceid(), SQLITE_SOURCE_ID);
}

TEST(Sqlite, has_the_options_we_chose) {
  const auto has = [](const char* name) { return sqlite3_compileoption_used(name) != 0; };
  for (const char* name : {"ENABLE_FTS3",
                           "ENABLE_FTS3_PARENTHESIS",
                           "ENABLE_FTS4",
                           "ENABLE_FTS5",
                           "ENABLE_RTREE",
                           "ENABLE_GEOPOLY",
                           "ENABLE_MATH_FUNCTIONS",
                           "ENABLE_DBSTAT_VTAB",
                           "ENABLE_STMTVTAB",
                           "ENABLE_UPDATE_DELETE_LIMIT",
                           "ENABLE_SESSION",
                           "ENABLE_PREUPDATE_HOOK",
                           "ENABLE_COLUMN_METADATA",
                           "SOUNDEX",
                           "OMIT_SHARED_CACHE",
                           "OMIT_LOAD_EXTENSION",
                           "OMIT_DEPRECATED",
                           "THREADSAFE=2",
                           "MAX_WORKER_THREADS=0",
                           "MAX_MMAP_SIZE=0"}) {
    EXPECT_TRUE(has(name)) << name;
  }
  // As rqlite has it; and another two would reach beyond the database.
  for (const char* name : {"LIKE_DOESNT_MATCH_BLOBS", "ENABLE_DBPAGE_VTAB", "USE_URI"})
    EXPECT_FALSE(has(name)) << name;
}

TEST(Sqlite, knows_what_it_learned_since_2022) {
  Rig rig;
  EXPECT_EQ(rig.query({"SELECT json(jsonb('[1,2]')) AS a, unhex('4142') AS b, concat('a',1) AS c,"
                       " octet_length('\u00e9') AS d, json('{a:1}') AS e"}),
            "a,b,c,d,e [,,,,] '[1,2]',x'4142','a1',2,'{\"a\":1}'");
  EXPECT_EQ(rig.query({"SELECT group_concat(value ORDER BY value DESC) AS a,"
                       " string_agg(value, '+') AS b FROM json_each('[2,1,3]')"}),
            "a,b [,] '3,2,1','2+1+3'");
  EXPECT_EQ(rig.query({"SELECT datetime(1.25,'unixepoch','subsec') AS a, date('2024-02-30') AS b,"
                       " strftime('%G-%V', '2024-12-30') AS c, x'61' LIKE 'a' AS d"}),
            "a,b,c,d [,,,] '1970-01-01 00:00:01.250','2024-03-01','2025-01',1");
  EXPECT_EQ(rig.run({"CREATE TABLE t(x)", "INSERT INTO t VALUES(1),(2),(3)",
                     "DELETE FROM t ORDER BY x DESC LIMIT 1", "UPDATE t SET x=5 ORDER BY x LIMIT 1",
                     "INSERT INTO t VALUES(\"a string\")"}),
            "(0,0); (3,3); (3,1); (3,1); (3,1)");
  EXPECT_EQ(rig.query({"SELECT group_concat(x) AS x FROM t"}), "x [] '5,2,a string'");
}

}  // namespace
}  // namespace lockstep::sql
