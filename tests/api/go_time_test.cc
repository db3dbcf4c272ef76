// Dates against a table that Go's time package and rqlite's driver formats produced.
#include "api/go_time.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace lockstep::api {
namespace {

constexpr const char* kZero = "0001-01-01T00:00:00Z";

TEST(GoTime, texts_are_normalised) {
  const std::pair<const char*, const char*> table[] = {
      {"2004-02-14", "2004-02-14T00:00:00Z"},
      {"2004-02-14 07:15:00", "2004-02-14T07:15:00Z"},
      {"2021-10-22 19:39:32.016087", "2021-10-22T19:39:32.016087Z"},
      {"2021-10-22T19:39:32.016087Z", "2021-10-22T19:39:32.016087Z"},
      {"2021-10-22 19:39:32+02:00", "2021-10-22T19:39:32+02:00"},
      {"2021-10-22 19:39:32.5+00:00", "2021-10-22T19:39:32.5Z"},
      {"2021-10-22 19:39:32.5-00:00", "2021-10-22T19:39:32.5Z"},
      {"2021-10-22 19:39", "2021-10-22T19:39:00Z"},
      {"2021-10-22 9:39", "2021-10-22T09:39:00Z"},
      {"2021-10-22 9:39:01,25", "2021-10-22T09:39:01.25Z"},
      {"2020-02-29", "2020-02-29T00:00:00Z"},
      {"2021-10-22  19:39", "2021-10-22T19:39:00Z"},
      {"2021-10-22 19:39:32.1234567891234", "2021-10-22T19:39:32.123456789Z"},
      {"0000-01-01", "0000-01-01T00:00:00Z"},
      {"2021-10-22T19:39:32+24:00", "2021-10-22T19:39:32+24:00"},
      {"2021-10-22T19:39:32+23:60", "2021-10-22T19:39:32+24:00"},
      {"2021-10-22T19:39:32.100-05:30", "2021-10-22T19:39:32.1-05:30"},
      {"2021-10-22 19:39Z", "2021-10-22T19:39:00Z"},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(timestamp_from_text(text), expected) << text;
}

TEST(GoTime, what_is_no_date_becomes_the_zero_time) {
  for (const char* text : {"2021-02-29",
                           "2021-13-01",
                           "2021-00-10",
                           "2021-01-00",
                           "2021-10-22 24:00",
                           "2021-10-22 23:59:60",
                           "garbage",
                           "",
                           "Z",
                           "2004-02-14ZZ",
                           "2004-02-14 ",
                           "10000-01-01",
                           "2021-10-22T19:39:32.",
                           "2021-10-22T19:39:32+2:00",
                           "2021-10-22T19:39:32+25:00",
                           "2021-10-22T19:39:32+23:61",
                           "2021-1-2",
                           "2021-10-22 19:39+01:00",
                           "-001-01-01",
                           "2021-10-22 19:39:32 +02:00",
                           "2021-10-22T 19:39:32"}) {
    EXPECT_EQ(timestamp_from_text(text), kZero) << text;
  }
}

TEST(GoTime, integers_are_seconds_or_milliseconds) {
  const std::pair<std::int64_t, const char*> table[] = {
      {0, "1970-01-01T00:00:00Z"},
      {-1, "1969-12-31T23:59:59Z"},
      {1'000'000'000, "2001-09-09T01:46:40Z"},
      {1'000'000'000'000, "33658-09-27T01:46:40Z"},
      {1'000'000'000'001, "2001-09-09T01:46:40.001Z"},
      {-1'000'000'000'000, "-29719-04-05T22:13:20Z"},
      {-1'000'000'000'001, "1938-04-24T22:13:19.999Z"},
      {1'577'836'800'123, "2020-01-01T00:00:00.123Z"},
      {9223372036854775807, "1969-12-31T23:59:59.999Z"},
      {-9223372036854775807 - 1, "1970-01-01T00:00:00Z"},
      {253'402'300'800, "10000-01-01T00:00:00Z"},
      {-62'167'219'200, "0000-01-01T00:00:00Z"},
      {-62'167'219'201, "-0001-12-31T23:59:59Z"},
      {-99'999'999'999, "-1199-02-15T14:13:21Z"},
  };
  for (const auto& [value, expected] : table) EXPECT_EQ(timestamp_from_integer(value), expected);
}

RC_GTEST_PROP(GoTime, printed_times_read_back_the_same, ()) {
  // Years 0000 to 9999: what the text form can hold.
  const auto second = *rc::gen::inRange<std::int64_t>(-62'167'219'200, 253'402'300'800);
  const auto nanosecond = *rc::gen::inRange<std::uint32_t>(0, 1'000'000'000);
  const std::string text = format_rfc3339(second, nanosecond);
  RC_ASSERT(timestamp_from_text(text) == text);
}

RC_GTEST_PROP(GoTime, no_text_breaks_the_scanner, (const std::string& text)) {
  const std::string shown = timestamp_from_text(text);
  RC_ASSERT(shown == kZero || timestamp_from_text(shown) == shown);
}

}  // namespace
}  // namespace lockstep::api
