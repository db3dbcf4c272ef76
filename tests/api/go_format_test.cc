// Numbers and durations against a table that Go printed.
#include "api/go_format.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>

namespace lockstep::api {
namespace {

std::string number(double value) {
  std::string out;
  append_json_number(out, value);
  return out;
}

TEST(GoFormat, floats_print_as_in_go) {
  const std::pair<double, const char*> table[] = {
      {0, "0"},
      {-0.0, "-0"},
      {1, "1"},
      {6.0, "6"},
      {1.5, "1.5"},
      {-1, "-1"},
      {1e-6, "0.000001"},
      {9.99e-7, "9.99e-7"},
      {2.26e-7, "2.26e-7"},
      {1.234e-6, "0.000001234"},
      {-1e-10, "-1e-10"},
      {1e20, "100000000000000000000"},
      {123456789012345680000.0, "123456789012345680000"},
      {1e21, "1e+21"},
      {1.5e21, "1.5e+21"},
      {1e22, "1e+22"},
      {1e300, "1e+300"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {0.1, "0.1"},
      {1.0 / 3, "0.3333333333333333"},
      {8.55, "8.55"},
      {123456.789, "123456.789"},
      {4503599627370497.5, "4503599627370498"},
      {1e6, "1000000"},
  };
  for (const auto& [value, text] : table) EXPECT_EQ(number(value), text);
}

RC_GTEST_PROP(GoFormat, floats_read_back_equal, (std::uint64_t bits)) {
  const auto value = std::bit_cast<double>(bits);
  RC_PRE(std::isfinite(value));
  const std::string text = number(value);
  double back = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), back);
  RC_ASSERT(parsed.ptr == text.data() + text.size());
  RC_ASSERT(std::bit_cast<std::uint64_t>(back) == bits);
  const double magnitude = std::fabs(value);
  const bool exponent = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  RC_ASSERT((text.find('e') != std::string::npos) == exponent);
}

TEST(GoFormat, durations_parse_as_in_go) {
  constexpr std::int64_t kMax = 9223372036854775807;
  const std::pair<const char*, std::int64_t> table[] = {
      {"0", 0},
      {"+0", 0},
      {"-0", 0},
      {"-5s", -5'000'000'000},
      {"+5s", 5'000'000'000},
      {"1.5s", 1'500'000'000},
      {"1h30m", 5'400'000'000'000},
      {"300ms", 300'000'000},
      {"2us", 2'000},
      {"2\xc2\xb5s", 2'000},
      {"2\xce\xbcs", 2'000},
      {"1ns", 1},
      {".5s", 500'000'000},
      {"5.s", 5'000'000'000},
      {"1s1s", 2'000'000'000},
      {"0.000000000001s", 0},
      {"1.0000000000000000000000001s", 1'000'000'000},
      {"00001s", 1'000'000'000},
      {"0.1ns", 0},
      {"2562047h47m16.854775807s", kMax},
      {"9223372036.854775807s", kMax},
      {"9223372036854775807ns", kMax},
      {"-9223372036854775808ns", -kMax - 1},
  };
  for (const auto& [text, nanoseconds] : table) {
    const auto duration = parse_duration(text);
    ASSERT_TRUE(duration) << text;
    EXPECT_EQ(duration->count(), nanoseconds) << text;
  }
}

TEST(GoFormat, bad_durations_are_refused) {
  for (const char* text : {"",
                           "5",
                           ".s",
                           "1d",
                           "1s ",
                           " 1s",
                           "1e3s",
                           "+",
                           "-",
                           "s",
                           "1.2.3s",
                           "1",
                           "--1s",
                           "9223372036854775808ns",
                           "9223372036.854775808s",
                           "2562048h",
                           "3000000h",
                           "99999999999999999999s",
                           "1s-1s",
                           "5S"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(GoFormat, durations_print_as_in_go) {
  const std::pair<std::int64_t, const char*> table[] = {
      {0, "0s"},
      {1, "1ns"},
      {999, "999ns"},
      {1'000, "1\xc2\xb5s"},
      {104'200, "104.2\xc2\xb5s"},
      {1'234'567, "1.234567ms"},
      {999'999'999, "999.999999ms"},
      {1'500'000'000, "1.5s"},
      {60'000'000'000, "1m0s"},
      {3'600'000'000'000, "1h0m0s"},
      {3'661'500'000'000, "1h1m1.5s"},
      {-1'500, "-1.5\xc2\xb5s"},
  };
  for (const auto& [nanoseconds, text] : table) {
    EXPECT_EQ(format_duration(Duration(nanoseconds)), text);
  }
}

RC_GTEST_PROP(GoFormat, printed_durations_parse_back, (std::int64_t nanoseconds)) {
  const auto back = parse_duration(format_duration(Duration(nanoseconds)));
  RC_ASSERT(back.has_value());
  RC_ASSERT(back->count() == nanoseconds);
}

RC_GTEST_PROP(GoFormat, no_text_breaks_the_duration_parser, (std::string text)) {
  const auto duration = parse_duration(text);
  if (duration) RC_ASSERT(parse_duration(format_duration(*duration)) == duration);
}

TEST(GoFormat, integers_parse_as_in_go) {
  EXPECT_EQ(parse_integer("5"), 5);
  EXPECT_EQ(parse_integer("+5"), 5);
  EXPECT_EQ(parse_integer("-5"), -5);
  EXPECT_EQ(parse_integer("007"), 7);
  for (const char* text :
       {"", "x", "1_000", "0x1", " 5", "5 ", "+-5", "+", "9223372036854775808"}) {
    EXPECT_FALSE(parse_integer(text)) << text;
  }
}

}  // namespace
}  // namespace lockstep::api
