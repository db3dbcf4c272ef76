// String escaping and indentation as Go's encoding/json does them.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/json/parse.hpp>

#include "api/json_response.h"
#include "api/utf8.h"

namespace lockstep::api {
namespace {

std::string json_quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonString, escapes_as_go_does) {
  using namespace std::string_view_literals;
  EXPECT_EQ(json_quoted("\x00\x01\b\f\n\r\t\x1f \"\\/<>&\x7f"sv),
            R"("\u0000\u0001\b\f\n\r\t\u001f \"\\/\u003c\u003e\u0026)"
            "\x7f\"");
  EXPECT_EQ(json_quoted("\xe2\x80\xa8\xe2\x80\xa9"), R"("\u2028\u2029")");
  EXPECT_EQ(json_quoted("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"");
  EXPECT_EQ(json_quoted(""), "\"\"");
}

TEST(JsonString, each_bad_byte_becomes_the_replacement_character) {
  EXPECT_EQ(json_quoted("a\xff"), R"("a\ufffd")");
  EXPECT_EQ(json_quoted("\xc0\x80"), R"("\ufffd\ufffd")");                      // overlong
  EXPECT_EQ(json_quoted("\xed\xa0\x80x"), R"("\ufffd\ufffd\ufffdx")");          // surrogate
  EXPECT_EQ(json_quoted("\xf0\x9f"), R"("\ufffd\ufffd")");                      // cut off
  EXPECT_EQ(json_quoted("\xf4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");  // beyond Unicode
}

RC_GTEST_PROP(JsonString, reads_back_as_valid_utf8, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const auto parsed = boost::json::parse(json_quoted(text));
  RC_ASSERT(std::string_view(parsed.as_string()) == to_valid_utf8(text));
}

RC_GTEST_PROP(JsonString, valid_utf8_is_kept, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const std::string valid = to_valid_utf8(text);
  RC_ASSERT(is_valid_utf8(valid));
  RC_ASSERT(to_valid_utf8(valid) == valid);
  if (is_valid_utf8(text)) RC_ASSERT(valid == text);
}

TEST(JsonIndent, four_spaces_and_empty_containers_on_one_line) {
  EXPECT_EQ(indent_json(R"({"a":[1,"x:{,}\"",{}],"b":[],"c":{"d":null}})"),
            "{\n"
            "    \"a\": [\n"
            "        1,\n"
            "        \"x:{,}\\\"\",\n"
            "        {}\n"
            "    ],\n"
            "    \"b\": [],\n"
            "    \"c\": {\n"
            "        \"d\": null\n"
            "    }\n"
            "}");
  EXPECT_EQ(indent_json("[]"), "[]");
  EXPECT_EQ(indent_json("[ ]"), "[]");
}

TEST(JsonIndent, changes_nothing_but_space) {
  const std::string compact = R"({"a":[[1,2],[]],"b":"\\","c":{"d":true}})";
  EXPECT_EQ(boost::json::parse(indent_json(compact)), boost::json::parse(compact));
}

}  // namespace
}  // namespace lockstep::api
