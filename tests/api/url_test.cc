// Targets, query strings and parameters, against what Go's net/url and rqlite answer.
#include "api/url.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "api/params.h"

namespace lockstep::api {
namespace {

using Values = QueryValues::Pairs;

Values pairs_of(std::string_view query) {
  return parse_query(query)->pairs();
}

std::string query_error(std::string_view query) {
  const auto values = parse_query(query);
  return values ? "" : values.error().text;
}

TEST(Url, targets_split_at_the_first_question_mark) {
  const auto target = parse_target("/db/query?q=a?b");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/db/query");
  EXPECT_EQ(target->raw_query, "q=a?b");
  EXPECT_EQ(parse_target("/db%2Fexecute")->path, "/db/execute");
  EXPECT_EQ(parse_target("http://h:1/db/execute?x")->path, "/db/execute");
  EXPECT_EQ(parse_target("/a+b")->path, "/a+b");
  EXPECT_EQ(parse_target("/db/%zz").error().text, "invalid URL escape \"%zz\"");
}

TEST(Url, queries_parse_as_in_go) {
  EXPECT_EQ(pairs_of("a=1&b=2"), (Values{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(*parse_query("a=1&a=2")->find("a"), "1");
  EXPECT_EQ(pairs_of("&&"), Values{});
  EXPECT_EQ(pairs_of("=x"), (Values{{"", "x"}}));
  EXPECT_EQ(pairs_of("a+b=c+d%41"), (Values{{"a b", "c dA"}}));
  EXPECT_EQ(pairs_of("flag"), (Values{{"flag", ""}}));
}

TEST(Url, bad_queries_are_refused_in_go_s_words) {
  EXPECT_EQ(query_error("a=%"), "invalid URL escape \"%\"");
  EXPECT_EQ(query_error("a=%4"), "invalid URL escape \"%4\"");
  EXPECT_EQ(query_error("a=%zzx"), "invalid URL escape \"%zz\"");
  EXPECT_EQ(query_error("a=%41%"), "invalid URL escape \"%\"");
  EXPECT_EQ(query_error("a=1;b"), "invalid semicolon separator in query");
}

RC_GTEST_PROP(Url, no_query_breaks_the_parser, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("a%=&;+4f")));
  const auto values = parse_query(text);
  if (!values) RC_ASSERT(values.error().code == Errc::invalid);
}

std::string params_error(std::string_view query) {
  const auto params = parse_params(query);
  return params ? "" : params.error().text;
}

TEST(Params, defaults) {
  const auto params = parse_params("");
  ASSERT_TRUE(params);
  EXPECT_EQ(params->level, Level::weak);
  EXPECT_EQ(params->timeout, seconds(30));
  EXPECT_EQ(params->db_timeout, Duration::zero());
  EXPECT_FALSE(params->linearizable_timeout);
  EXPECT_FALSE(params->q);
  EXPECT_FALSE(params->transaction || params->redirect || params->render.pretty);
}

TEST(Params, a_flag_is_set_by_being_there) {
  const auto params = parse_params("pretty=false&transaction&redirect=&timings=0&noparse");
  ASSERT_TRUE(params);
  EXPECT_TRUE(params->render.pretty);
  EXPECT_TRUE(params->transaction);
  EXPECT_TRUE(params->redirect);
  EXPECT_TRUE(params->render.timings);
  EXPECT_TRUE(params->no_parse);
  EXPECT_FALSE(params->render.associative);
}

TEST(Params, levels_ignore_case_and_unknown_ones_are_weak) {
  EXPECT_EQ(parse_params("level=NoNe")->level, Level::none);
  EXPECT_EQ(parse_params("level=strong")->level, Level::strong);
  EXPECT_EQ(parse_params("level=Linearizable")->level, Level::linearizable);
  EXPECT_EQ(parse_params("level=auto")->level, Level::automatic);
  EXPECT_EQ(parse_params("level=bogus")->level, Level::weak);
}

TEST(Params, durations) {
  const auto params = parse_params(
      "freshness=1s&freshness_strict&timeout=5ms&db_timeout=-1s&linearizable_timeout=2s");
  ASSERT_TRUE(params);
  EXPECT_EQ(params->freshness, seconds(1));
  EXPECT_TRUE(params->freshness_strict);
  EXPECT_EQ(params->timeout, milliseconds(5));
  EXPECT_EQ(params->db_timeout, Duration::zero());
  EXPECT_EQ(params->linearizable_timeout, seconds(2));
}

TEST(Params, bad_values_are_refused_in_rqlite_s_words) {
  EXPECT_EQ(params_error("timeout=5"), "timeout is not a valid duration");
  EXPECT_EQ(params_error("freshness=x"), "freshness is not a valid duration");
  EXPECT_EQ(params_error("db_timeout="), "db_timeout is not a valid duration");
  EXPECT_EQ(params_error("linearizable_timeout=1"), "linearizable_timeout is not a valid duration");
  EXPECT_EQ(params_error("retries=x"), "retries is not a valid integer");
  EXPECT_EQ(params_error("trailing_logs=1.5"), "trailing_logs is not a valid integer");
  EXPECT_EQ(params_error("q="), "query parameter not set");
  EXPECT_EQ(params_error("freshness_strict"), "freshness_strict requires freshness");
  EXPECT_EQ(params_error("q=%zz"), "invalid URL escape \"%zz\"");
}

}  // namespace
}  // namespace lockstep::api
