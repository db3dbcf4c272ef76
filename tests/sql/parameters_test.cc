// Parameters reach statements as rqlite's driver binds them (contract 1.3).
#include <gtest/gtest.h>

#include "tests/sql/support.h"

namespace lockstep::sql {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

TEST(Parameters, positional_of_every_type) {
  Rig rig;
  EXPECT_EQ(rig.query({{"SELECT ?,?,?,?,?,typeof(?)",
                        {{"", wire::Null{}},
                         {"", std::int64_t{-5}},
                         {"", 1.5},
                         {"", "te'xt"sv},
                         {"", wire::BlobBytes{"\x01\xff"sv}},
                         {"", wire::BlobBytes{""sv}}}}}),
            "?,?,?,?,?,typeof(?) [,,,,,] null,-5,1.5,'te'xt',x'01FF','blob'");
}

TEST(Parameters, a_name_reaches_all_three_spellings) {
  Rig rig;
  EXPECT_EQ(rig.query({{"SELECT :a, @a, $a",
                        {{"a", std::int64_t{3}}, {"b", std::int64_t{4}}, {"c", std::int64_t{5}}}}}),
            ":a,@a,$a [,,] 3,3,3");
}

TEST(Parameters, too_few_are_an_error_and_too_many_are_not) {
  Rig rig;
  rig.run({"CREATE TABLE t(a,b)"});
  EXPECT_EQ(rig.run({{"INSERT INTO t VALUES(?,?)", {{"", std::int64_t{1}}}}}),
            "!not enough args to execute query: want 2 got 1");
  EXPECT_EQ(
      rig.run({{"INSERT INTO t VALUES(?,1)", {{"", std::int64_t{1}}, {"", std::int64_t{2}}}}}),
      "(1,1)");
  EXPECT_EQ(rig.query({{"SELECT ?", {}}}), "?!not enough args to execute query: want 1 got 0");
}

TEST(Parameters, positions_are_consumed_across_statements) {
  Rig rig;
  rig.run({"CREATE TABLE t(a)"});
  EXPECT_EQ(rig.run({{"INSERT INTO t VALUES(?);INSERT INTO t VALUES(?)",
                      {{"", std::int64_t{1}}, {"", std::int64_t{2}}}}}),
            "(2,1)");
  EXPECT_EQ(rig.run({{"INSERT INTO t VALUES(?);INSERT INTO t VALUES(?)", {{"", std::int64_t{3}}}}}),
            "!not enough args to execute query: want 1 got 1");
  EXPECT_EQ(rig.query({"SELECT group_concat(a) FROM t"}), "group_concat(a) [] '1,2,3'");
}

TEST(Parameters, names_must_begin_with_a_letter) {
  Rig rig;
  EXPECT_EQ(rig.run({{"SELECT :a", {{"1a", std::int64_t{1}}}}}),
            "!name \"1a\" does not begin with a letter");
  EXPECT_EQ(rig.query({{"SELECT :a", {{":a", std::int64_t{1}}}}}),
            "?!name \":a\" does not begin with a letter");
}

TEST(Parameters, nuls_are_bytes_of_values_and_end_names) {
  Rig rig;
  rig.run({"CREATE TABLE t(a,b)"});
  EXPECT_EQ(rig.run({{"INSERT INTO t VALUES(?,?)",
                      {{"", "\0x\0"sv}, {"", wire::BlobBytes{"\0\xff\0"sv}}}}}),
            "(1,1)");
  EXPECT_EQ(rig.query({"SELECT hex(a), b FROM t"}), "hex(a),b [,] '007800',x'00FF00'");
  EXPECT_EQ(rig.query({"SELECT a FROM t"}), "a [] '\0x\0'"s);
  EXPECT_EQ(rig.query({{"SELECT :a", {{"a\0b"s, std::int64_t{3}}}}}), ":a [] 3");
  EXPECT_EQ(rig.query({{"SELECT :a", {{"\0a"s, std::int64_t{3}}}}}),
            "?!name \"\0a\" does not begin with a letter"s);
}

TEST(Parameters, a_cached_statement_forgets_its_bindings) {
  Rig rig;
  rig.run({"CREATE TABLE t(a,b)"});
  for (int i = 0; i < 3; ++i)
    rig.run({{"INSERT INTO t VALUES(:a,:b)", {{"a", std::int64_t{i}}, {"b", std::int64_t{i}}}}});
  // Two parameters satisfy the count, but one of them names nothing.
  rig.run({{"INSERT INTO t VALUES(:a,:b)", {{"a", std::int64_t{9}}, {"c", std::int64_t{9}}}}});
  EXPECT_EQ(rig.query({"SELECT * FROM t WHERE a=9"}), "a,b [,] 9,null");
}

}  // namespace
}  // namespace lockstep::sql
