// The byte encoding: every value comes back, the bytes are the agreed ones (a golden string), and
// no input, however cut or forged, is read past its end.
#include "base/codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

namespace lockstep {
namespace {

using std::string_literals::operator""s;

TEST(Codec, bytes_are_little_endian_and_length_prefixed) {
  Encoder out;
  out.u8(0xab);
  out.u32(0x01020304);
  out.u64(0x1122334455667788);
  out.i64(-2);
  out.boolean(true);
  out.string("hey");
  out.bytes("raw");
  EXPECT_EQ(out.view(),
            "\xab"
            "\x04\x03\x02\x01"
            "\x88\x77\x66\x55\x44\x33\x22\x11"
            "\xfe\xff\xff\xff\xff\xff\xff\xff"
            "\x01"
            "\x03\x00\x00\x00hey"
            "raw"s);
  EXPECT_EQ(out.size(), 32u);
}

TEST(Codec, double_keeps_its_bits) {
  const std::vector<double> values{0.0,
                                   -0.0,
                                   1.5,
                                   std::numeric_limits<double>::denorm_min(),
                                   std::numeric_limits<double>::infinity(),
                                   std::numeric_limits<double>::quiet_NaN()};
  for (const double value : values) {
    Encoder out;
    out.f64(value);
    Decoder in(out.view());
    EXPECT_EQ(std::bit_cast<std::uint64_t>(in.f64()), std::bit_cast<std::uint64_t>(value));
    EXPECT_TRUE(in.complete());
  }
}

RC_GTEST_PROP(Codec, every_struct_comes_back,
              (std::uint8_t a, std::uint32_t b, std::uint64_t c, std::int64_t d, bool e,
               const std::string& f, const std::string& g)) {
  Encoder out;
  out.u8(a);
  out.u32(b);
  out.u64(c);
  out.i64(d);
  out.boolean(e);
  out.string(f);
  out.bytes(g);
  const std::string bytes = out.take();

  Decoder in(bytes);
  RC_ASSERT(in.u8() == a);
  RC_ASSERT(in.u32() == b);
  RC_ASSERT(in.u64() == c);
  RC_ASSERT(in.i64() == d);
  RC_ASSERT(in.boolean() == e);
  RC_ASSERT(in.string() == f);
  RC_ASSERT(!in.at_end() || g.empty());
  RC_ASSERT(in.remaining() == g.size());
  RC_ASSERT(in.bytes(g.size()) == g);
  RC_ASSERT(in.complete());
}

// Cut anywhere: what is read is a prefix of the truth, then zeros, and ok() is false for good.
TEST(Codec, every_cut_is_noticed) {
  Encoder out;
  out.u32(7);
  out.string("payload");
  out.u64(9);
  const std::string bytes = out.take();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    Decoder in(std::string_view(bytes).substr(0, length));
    const auto first = in.u32();
    const auto text = in.string();
    const auto last = in.u64();
    EXPECT_FALSE(in.ok()) << length;
    EXPECT_FALSE(in.complete()) << length;
    EXPECT_TRUE(first == 7 || first == 0) << length;
    EXPECT_TRUE(text == "payload" || text.empty()) << length;
    EXPECT_EQ(last, 0u) << length;
  }
}

TEST(Codec, a_forged_length_reads_nothing) {
  Encoder out;
  out.u32(0xffffffff);
  out.bytes("short");
  Decoder in(out.view());
  EXPECT_EQ(in.string(), "");
  EXPECT_FALSE(in.ok());
  // Failure sticks: five bytes are left, but none is handed out any more.
  EXPECT_EQ(in.u8(), 0u);
  EXPECT_FALSE(in.ok());
}

TEST(Codec, a_boolean_has_one_encoding) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::string bytes(1, static_cast<char>(byte));
    Decoder in(bytes);
    const bool value = in.boolean();
    EXPECT_EQ(value, byte == 1);
    EXPECT_EQ(in.ok(), byte < 2) << byte;
  }
}

TEST(Codec, left_over_bytes_are_not_complete) {
  Encoder out;
  out.u8(1);
  out.u8(2);
  Decoder in(out.view());
  EXPECT_EQ(in.u8(), 1u);
  EXPECT_TRUE(in.ok());
  EXPECT_FALSE(in.complete());
  EXPECT_EQ(in.u8(), 2u);
  EXPECT_TRUE(in.complete());
}

TEST(Codec, an_empty_input_is_complete_until_asked) {
  Decoder in("");
  EXPECT_TRUE(in.complete());
  EXPECT_EQ(in.bytes(0), "");
  EXPECT_TRUE(in.complete());
  EXPECT_EQ(in.u8(), 0u);
  EXPECT_FALSE(in.complete());
}

}  // namespace
}  // namespace lockstep
