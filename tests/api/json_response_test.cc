// Response bodies, byte for byte.
#include "api/json_response.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/json/parse.hpp>
#include <limits>

namespace lockstep::api {
namespace {

using sql::Bytes;
using sql::Cell;
using sql::Counters;
using sql::Rows;
using sql::SqlError;
using std::string_literals::operator""s;

sql::CommandResult result_of(std::vector<sql::StatementResult> statements) {
  return {.statements = std::move(statements), .error = {}};
}

std::string rendered(const sql::CommandResult& result, const RenderOptions& options = {}) {
  const auto body = render({.result = &result, .error = {}, .time = {}, .raft_index = {}}, options);
  return body ? *body : "error: " + body.error().text;
}

// The one entry of "results".
std::string entry(decltype(sql::StatementResult::outcome) outcome,
                  const RenderOptions& options = {}) {
  const std::string body =
      rendered(result_of({{.outcome = std::move(outcome), .time = {}}}), options);
  const std::string_view head = "{\"results\":[";
  if (!body.starts_with(head)) return body;
  return body.substr(head.size(), body.size() - head.size() - 2);
}

// One row, one column of the given type.
std::string cell(const std::string& decltype_lower, Cell value, RenderOptions options = {}) {
  const std::string text = entry(Rows{{"c"}, {decltype_lower}, {}, {std::move(value)}}, options);
  const auto at = text.find("[[");
  return at == std::string::npos ? text : text.substr(at + 2, text.size() - at - 5);
}

const RenderOptions kAssociative{.associative = true};

TEST(Render, writes) {
  EXPECT_EQ(entry(Counters{}), "{}");
  EXPECT_EQ(entry(Counters{1, 1}), R"({"last_insert_id":1,"rows_affected":1})");
  EXPECT_EQ(entry(Counters{0, 2}), R"({"rows_affected":2})");
  EXPECT_EQ(entry(Counters{99, 1}, kAssociative),
            R"({"last_insert_id":99,"rows_affected":1,"rows":null})");
  EXPECT_EQ(entry(std::monostate{}), "{}");
}

TEST(Render, errors) {
  EXPECT_EQ(entry(SqlError{"near \"blah\": syntax error", true}),
            R"({"error":"near \"blah\": syntax error"})");
  EXPECT_EQ(entry(SqlError{"no such table: x", true}, kAssociative),
            R"({"rows":[],"error":"no such table: x"})");
  EXPECT_EQ(entry(SqlError{"no such table: x", false}, kAssociative),
            R"({"error":"no such table: x"})");
}

TEST(Render, rows) {
  const Rows rows{{"id", "name"}, {"integer", "text"}, {}, {std::int64_t{1}, "fiona"s}};
  EXPECT_EQ(entry(rows),
            R"({"columns":["id","name"],"types":["integer","text"],"values":[[1,"fiona"]]})");
  EXPECT_EQ(entry(rows, kAssociative),
            R"({"types":{"id":"integer","name":"text"},"rows":[{"id":1,"name":"fiona"}]})");
  EXPECT_EQ(entry(Rows{{"id", "name"}, {"integer", "text"}, {}, {}}),
            R"({"columns":["id","name"],"types":["integer","text"]})");
  EXPECT_EQ(entry(Rows{{"name"}, {"text"}, {}, {}}, kAssociative),
            R"({"types":{"name":"text"},"rows":[]})");
  EXPECT_EQ(entry(Rows{}), "{}");
}

TEST(Render, associative_keys_are_sorted_and_the_last_of_equal_names_counts) {
  const Rows rows{{"b", "a", "B", "a"},
                  {"", "", "", "real"},
                  {},
                  {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, std::int64_t{4}}};
  EXPECT_EQ(entry(rows, kAssociative),
            R"({"types":{"B":"integer","a":"real","b":"integer"},"rows":[{"B":3,"a":4,"b":1}]})");
}

TEST(Render, types_come_from_the_first_row_where_none_is_declared) {
  const Rows rows{{"a", "b", "c", "d", "e", "f"},
                  {"", "", "", "", "", "foo"},
                  {},
                  {std::int64_t{1}, 1.5, "x"s, Bytes{"SQLite"}, wire::Null{}, std::int64_t{2},
                   "later"s, wire::Null{}, std::int64_t{1}, 1.0, "x"s, wire::Null{}}};
  EXPECT_EQ(entry(rows), R"({"columns":["a","b","c","d","e","f"],)"
                         R"("types":["integer","real","text","text","","foo"],)"
                         R"("values":[[1,1.5,"x","SQLite",null,2],["later",null,1,1,"x",null]]})");
  EXPECT_EQ(entry(Rows{{"a"}, {""}, {}, {}}), R"({"columns":["a"],"types":[""]})");
}

TEST(Render, qualified_columns) {
  const Rows rows{{"id", "1+1"}, {"integer", ""}, {"p", ""}, {}};
  EXPECT_EQ(entry(rows, {.qualify_columns = true}),
            R"({"columns":["p.id","1+1"],"types":["integer",""]})");
  EXPECT_EQ(entry(rows), R"({"columns":["id","1+1"],"types":["integer",""]})");
}

TEST(RenderValues, integers_and_reals) {
  EXPECT_EQ(cell("integer", std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(cell("numeric", std::int64_t{20}), "20");
  EXPECT_EQ(cell("boolean", std::int64_t{2}), "true");
  EXPECT_EQ(cell("boolean", std::int64_t{0}), "false");
  EXPECT_EQ(cell("boolean", std::int64_t{-1}), "false");
  EXPECT_EQ(cell("real", 1.0), "1");
  EXPECT_EQ(cell("", 2.26e-7), "2.26e-7");
  EXPECT_EQ(cell("integer", wire::Null{}), "null");
}

TEST(RenderValues, dates) {
  EXPECT_EQ(cell("date", "2004-02-14"s), R"("2004-02-14T00:00:00Z")");
  EXPECT_EQ(cell("timestamp", "2004-02-14 07:15:00"s), R"("2004-02-14T07:15:00Z")");
  EXPECT_EQ(cell("datetime", "2021-10-22 19:39:32.016087"s), R"("2021-10-22T19:39:32.016087Z")");
  EXPECT_EQ(cell("datetime", std::int64_t{0}), R"("1970-01-01T00:00:00Z")");
  EXPECT_EQ(cell("datetime", 1.5), "1.5");
  EXPECT_EQ(cell("datetime(6)", "2004-02-14"s), R"("2004-02-14")");
}

TEST(RenderValues, blobs_and_texts) {
  EXPECT_EQ(cell("blob", "hello"s), R"("hello")");
  EXPECT_EQ(cell("blob", Bytes{"test"}), R"("dGVzdA==")");
  EXPECT_EQ(cell("blob", Bytes{"tes"}), R"("dGVz")");
  EXPECT_EQ(cell("blob", Bytes{"te"}), R"("dGU=")");
  EXPECT_EQ(cell("blob", Bytes{""}), R"("")");
  EXPECT_EQ(cell("blob", Bytes{std::string("\0\xff", 2)}, {.blob_array = true}), "[0,255]");
  EXPECT_EQ(cell("blob", Bytes{""}, {.blob_array = true}), "[]");
  EXPECT_EQ(cell("", Bytes{"SQLite"}), R"("SQLite")");
  for (const char* type : {"text", "json", "varchar(36)", "varying character(3)", "nchar(55)",
                           "native character(70)", "nvarchar(100)", "clob"}) {
    EXPECT_EQ(cell(type, Bytes{"a\xff"}, {.blob_array = true}), R"("a\ufffd")") << type;
  }
  EXPECT_EQ(cell("", "<a&b>"s), R"("\u003ca\u0026b\u003e")");
}

TEST(RenderValues, infinity_fails_the_whole_response) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(cell("real", infinity),
            "error: json: error calling MarshalJSON for type *http.DBResults: json: unsupported "
            "value: +Inf");
  EXPECT_TRUE(cell("real", -infinity).ends_with("-Inf"));
}

TEST(Envelope, top_level_errors_leave_no_results) {
  const sql::CommandResult disallowed{.statements = {}, .error = "disallowed pragma"};
  EXPECT_EQ(rendered(disallowed), R"({"results":[],"error":"disallowed pragma"})");
  const auto body =
      render({.result = nullptr, .error = "stale read", .time = {}, .raft_index = {}}, {});
  EXPECT_EQ(*body, R"({"results":[],"error":"stale read"})");
  EXPECT_EQ(rendered({}), R"({"results":[]})");
}

TEST(Envelope, timings_and_raft_index_appear_when_asked_for) {
  const auto result = result_of({{.outcome = Counters{3, 1}, .time = microseconds(104)}});
  const Envelope envelope{
      .result = &result, .error = {}, .time = milliseconds(10), .raft_index = {6}};
  EXPECT_EQ(*render(envelope, {.raft_index = true}),
            R"({"results":[{"last_insert_id":3,"rows_affected":1}],"raft_index":6})");
  EXPECT_EQ(*render(envelope, {.timings = true}),
            R"({"results":[{"last_insert_id":3,"rows_affected":1,"time":0.000104}],"time":0.01})");
  EXPECT_EQ(*render(envelope, {}), R"({"results":[{"last_insert_id":3,"rows_affected":1}]})");
}

TEST(Envelope, a_statement_without_a_time_of_its_own_gets_a_share) {
  const auto result =
      result_of({{.outcome = Counters{3, 1}, .time = {}}, {.outcome = Counters{4, 1}, .time = {}}});
  const Envelope envelope{
      .result = &result, .error = {}, .time = milliseconds(10), .raft_index = {}};
  EXPECT_EQ(*render(envelope, {.timings = true}),
            R"({"results":[{"last_insert_id":3,"rows_affected":1,"time":0.005},)"
            R"({"last_insert_id":4,"rows_affected":1,"time":0.005}],"time":0.01})");
}

TEST(Envelope, pretty) {
  const auto result =
      result_of({{.outcome = Rows{{"a"}, {"integer"}, {}, {std::int64_t{1}}}, .time = {}}});
  EXPECT_EQ(
      rendered(result, {.pretty = true}),
      "{\n    \"results\": [\n        {\n            \"columns\": [\n                \"a\"\n"
      "            ],\n            \"types\": [\n                \"integer\"\n            ],\n"
      "            \"values\": [\n                [\n                    1\n"
      "                ]\n            ]\n        }\n    ]\n}");
}

Cell any_cell() {
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      return wire::Null{};
    case 1:
      return *rc::gen::arbitrary<std::int64_t>();
    case 2:
      return static_cast<double>(*rc::gen::inRange(-1000, 1000)) / 8;
    case 3:
      return *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    default:
      return Bytes{*rc::gen::container<std::string>(rc::gen::arbitrary<char>())};
  }
}

RC_GTEST_PROP(Render, every_result_is_json_and_indenting_keeps_it, ()) {
  Rows rows;
  const int width = *rc::gen::inRange(0, 4);
  for (int i = 0; i < width; ++i) {
    rows.columns.push_back(*rc::gen::container<std::string>(rc::gen::arbitrary<char>()));
    rows.decltypes.push_back(*rc::gen::elementOf(
        std::vector<std::string>{"", "blob", "text", "datetime", "boolean", "integer"}));
  }
  const int height = *rc::gen::inRange(0, 4);
  for (int i = 0; i < width * height; ++i) rows.cells.push_back(any_cell());
  RenderOptions options;
  options.associative = *rc::gen::arbitrary<bool>();
  options.blob_array = *rc::gen::arbitrary<bool>();
  const auto result = result_of({{.outcome = rows, .time = {}}});
  const std::string compact = rendered(result, options);
  const auto parsed = boost::json::parse(compact);
  const auto& entry_object = parsed.at("results").at(0).as_object();
  const char* name = options.associative ? "rows" : "values";
  const std::size_t shown = width > 0 ? static_cast<std::size_t>(height) : 0;
  if (options.associative || shown > 0) RC_ASSERT(entry_object.at(name).as_array().size() == shown);
  options.pretty = true;
  RC_ASSERT(boost::json::parse(rendered(result, options)) == parsed);
}

}  // namespace
}  // namespace lockstep::api
