// Statement bodies: what becomes of each form, and which error each bad body gets.
#include "api/json_request.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>

#include "api/json_response.h"

namespace lockstep::api {
namespace {

// A statement printed for comparison: SQL|name=value|...
struct Printer {
  std::string operator()(wire::Null) { return "null"; }
  std::string operator()(std::int64_t v) { return "i" + std::to_string(v); }
  std::string operator()(double v) { return "r" + std::to_string(v); }
  std::string operator()(std::string_view v) { return "t" + std::string(v); }
  std::string operator()(wire::BlobBytes v) { return "b" + std::string(v.bytes); }
};

std::string printed(const Result<std::string>& bytes) {
  if (!bytes) return "error: " + bytes.error().text;
  const auto command = wire::decode_command(*bytes);
  if (!command) return "undecodable";
  std::string out;
  for (const auto& statement : command->statements) {
    if (!out.empty()) out += '\n';
    out += statement.sql;
    for (const auto& p : statement.parameters) {
      out += '|';
      if (!p.name.empty()) out += std::string(p.name) + '=';
      out += std::visit(Printer{}, p.value);
    }
  }
  return out;
}

std::string parsed(std::string_view body) {
  return printed(parse_statements(body, {}));
}

TEST(JsonRequest, the_three_forms_mix) {
  EXPECT_EQ(parsed(R"(["A",["B"],["C",1,"x"],["D",{"n":2}]])"), "A\nB\nC|i1|tx\nD|n=i2");
  EXPECT_EQ(parsed(R"([["A",1,{"n":2,"m":null},3]])"), "A|i1|n=i2|m=null|i3");
  EXPECT_EQ(parsed(" [ \"A\" ] trailing"), "A");
}

TEST(JsonRequest, values) {
  EXPECT_EQ(parsed(R"([["A",true,false,null,-7,""]])"), "A|i1|i0|null|i-7|t");
  EXPECT_EQ(parsed("[[\"A\",9223372036854775807,-9223372036854775808,-0]]"),
            "A|i9223372036854775807|i-9223372036854775808|i0");
  EXPECT_EQ(parsed("[[\"A\",1.0,1e2,9223372036854775808]]"),
            "A|r1.000000|r100.000000|r9223372036854775808.000000");
  EXPECT_EQ(parsed("[[\"A\",1e-400,0e999,-1e-999]]"), "A|r0.000000|r0.000000|r-0.000000");
  EXPECT_EQ(parsed(R"([["A","\u0041\ud83d\ude00"]])"), "A|tA\xf0\x9f\x98\x80");
}

TEST(JsonRequest, doubles_are_rounded_correctly) {
  for (const char* text : {"0.1", "1.7976931348623157e308", "2.2250738585072011e-308", "8.533e+68",
                           "123456789012345678901234567890.5", "5e-324"}) {
    const auto bytes = parse_statements("[[\"A\"," + std::string(text) + "]]", {});
    ASSERT_TRUE(bytes) << text;
    const auto command = wire::decode_command(*bytes);
    EXPECT_EQ(std::get<double>(command->statements[0].parameters[0].value),
              std::strtod(text, nullptr))
        << text;
  }
}

TEST(JsonRequest, blobs) {
  EXPECT_EQ(parsed(R"([["A",[104,105],[],{"n":[33]}]])"), "A|bhi|b|n=b!");
  EXPECT_EQ(parsed(R"([["A","x'6869'"," X'6a6B' ","x''"]])"), "A|bhi|bjk|b");
  EXPECT_EQ(parsed(R"([["A","x'6'","x'6g'","y'66'","x'66","x'"]])"),
            "A|tx'6'|tx'6g'|ty'66'|tx'66|tx'");
}

TEST(JsonRequest, empty_text_is_skipped_with_its_parameters) {
  EXPECT_EQ(parsed(R"(["","A",["",1],["B",2]])"), "A\nB|i2");
  EXPECT_EQ(parsed(R"([""])"), "");
}

TEST(JsonRequest, bad_bodies) {
  const std::pair<const char*, const char*> table[] = {
      {"", "invalid JSON body"},
      {"   ", "invalid JSON body"},
      {"hello", "invalid JSON body"},
      {R"(["a")", "invalid JSON body"},
      {R"(["a" "b"])", "invalid JSON body"},
      {R"(["a",])", "invalid JSON body"},
      {R"([["a",{"x":{}})", "invalid JSON body"},
      {"[\"a\n\"]", "invalid JSON body"},
      {"{}", "invalid request"},
      {"{", "invalid request"},
      {"\"a\"", "invalid request"},
      {"true", "invalid request"},
      {"null", "invalid request"},
      {"12 ", "invalid request"},
      {"[1]", "invalid request"},
      {"[null]", "invalid request"},
      {"[{}]", "invalid request"},
      {"[[]]", "invalid request"},
      {"[[1]]", "invalid request"},
      {"[[[\"a\"]]]", "invalid request"},
      {"[[{\"a\":1}]]", "invalid request"},
      {R"(["a",[1],)", "invalid request"},
      {"[]", "no statements"},
      {R"([["a",{"x":{"y":1}}]])", "unsupported type map[string]interface {}"},
      {R"([["a",[-4,2,3]]])", "unsupported type -4"},
      {R"([["a",[7889]]])", "unsupported type 7889"},
      {R"([["a",[1.5]]])", "unsupported type 1.5"},
      {R"([["a",["x"]]])", "unsupported type string"},
      {R"([["a",[true]]])", "unsupported type bool"},
      {R"([["a",[null]]])", "unsupported type <nil>"},
      {R"([["a",[[1]]]])", "unsupported type []interface {}"},
      {R"([["a",[{"x":1}]]])", "unsupported type map[string]interface {}"},
      {R"([["",[300]]])", "unsupported type 300"},
      {R"([["a",1e400]])", "invalid number 1e400"},
      {R"([["a",-1e99999999999]])", "invalid number -1e99999999999"},
      {R"([["a",{"n":1e400}]])", "invalid number 1e400"},
      {R"([["a",[300],{"x":{}}]])", "unsupported type 300"},
  };
  for (const auto& [body, text] : table) {
    EXPECT_EQ(parsed(body), std::string("error: ") + text) << body;
  }
}

TEST(JsonRequest, deep_nesting_is_refused) {
  const std::string deep = "[[\"a\"," + std::string(100'000, '[');
  EXPECT_EQ(parsed(deep), "error: invalid JSON body");
}

TEST(JsonRequest, bad_unicode_is_replaced_as_go_does) {
  EXPECT_EQ(parsed("[\"a\xff\"]"), "a\xef\xbf\xbd");
  EXPECT_EQ(parsed(R"(["\ud800"])"), "\xef\xbf\xbd");
  EXPECT_EQ(parsed(R"(["\ud800\u0041\udc00"])"),
            "\xef\xbf\xbd"
            "A\xef\xbf\xbd");
  EXPECT_EQ(parsed(R"(["\\ud800"])"), "\\ud800");
}

TEST(JsonRequest, options_reach_the_command) {
  const ParseOptions options{.kind = wire::CommandKind::request,
                             .transaction = true,
                             .no_parse = true,
                             .db_timeout = seconds(2)};
  const auto bytes = parse_statements(R"(["A"])", options);
  const auto command = wire::decode_command(*bytes);
  ASSERT_TRUE(command);
  EXPECT_EQ(command->kind, wire::CommandKind::request);
  EXPECT_TRUE(command->transaction);
  EXPECT_TRUE(command->no_parse);
  EXPECT_EQ(command->db_timeout, seconds(2));
}

TEST(JsonRequest, single_statements) {
  EXPECT_EQ(printed(single_statement("SELECT 1", {})), "SELECT 1");
  EXPECT_EQ(printed(single_statement("", {})), "");
}

RC_GTEST_PROP(JsonRequest, texts_and_integers_come_back, ()) {
  const auto sql =
      *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127)));
  const auto integer = *rc::gen::arbitrary<std::int64_t>();
  std::string body = "[[";
  append_json_string(body, sql);
  body += ',' + std::to_string(integer) + "]]";
  RC_ASSERT(parsed(body) == sql + "|i" + std::to_string(integer));
}

RC_GTEST_PROP(JsonRequest, every_truncation_is_refused, ()) {
  const std::string body = R"([["A",1,[1,2],{"n":"x"},1.5e3],"B"])";
  const auto size = *rc::gen::inRange<std::size_t>(0, body.size());
  RC_ASSERT(!parse_statements(body.substr(0, size), {}).has_value());
}

RC_GTEST_PROP(JsonRequest, no_bytes_break_the_parser, ()) {
  const auto body = *rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("[[[]]]{}\"\"\"\",,:1e.-\\un tfa\xff")));
  const auto bytes = parse_statements(body, {});
  if (bytes) {
    RC_ASSERT(wire::decode_command(*bytes).has_value());
  } else {
    RC_ASSERT(bytes.error().code == Errc::invalid);
  }
}

}  // namespace
}  // namespace lockstep::api
