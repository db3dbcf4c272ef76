// Frames: what was encoded comes back, what is accepted is canonical, and no bytes break the
// decoder.
#include "wire/frames.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "generators.h"

namespace lockstep::wire {
namespace {

RC_GTEST_PROP(Frames, decode_inverts_encode, ()) {
  const Frame frame = any_frame();
  const std::string bytes = encode_frame(frame);
  const auto decoded = decode_frame(bytes);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(decoded->from == frame.from);
  RC_ASSERT(decoded->to == frame.to);
  RC_ASSERT(decoded->body.index() == frame.body.index());
  RC_ASSERT(encode_frame(*decoded) == bytes);
}

RC_GTEST_PROP(Frames, every_truncation_and_extension_is_refused, ()) {
  const std::string bytes = encode_frame(any_frame());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    RC_ASSERT(!decode_frame(std::string_view(bytes).substr(0, n)).has_value());
  }
  RC_ASSERT(!decode_frame(bytes + '\0').has_value());
}

RC_GTEST_PROP(Frames, accepted_bytes_are_canonical, ()) {
  std::string bytes = encode_frame(any_frame());
  const int changes = *rc::gen::inRange(1, 4);
  for (int i = 0; i < changes; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = *rc::gen::arbitrary<char>();
  }
  const auto decoded = decode_frame(bytes);
  if (decoded) RC_ASSERT(encode_frame(*decoded) == bytes);
}

RC_GTEST_PROP(Frames, random_bytes_never_break_the_decoder, ()) {
  std::string bytes = any_bytes();
  const auto decoded = decode_frame(bytes);
  if (decoded) RC_ASSERT(encode_frame(*decoded) == bytes);
}

TEST(Frames, append_keeps_every_field) {
  raft::Append append{.prev = {{7}, {3}}, .commit = {6}, .round = 9, .count = 2, .entries = {}};
  append.entries = {{{3}, {8}, raft::EntryKind::command, Blob("abc")},
                    {{4}, {9}, raft::EntryKind::noop, Blob()}};
  const Frame frame{{"a"}, {"b"}, raft::Message{{"a"}, {"b"}, {4}, append}};
  const auto decoded = decode_frame(encode_frame(frame));
  ASSERT_TRUE(decoded);
  const auto& message = std::get<raft::Message>(decoded->body);
  EXPECT_EQ(message.from.value, "a");
  EXPECT_EQ(message.to.value, "b");
  EXPECT_EQ(message.term.value, 4u);
  const auto& got = std::get<raft::Append>(message.body);
  EXPECT_EQ(got.prev, append.prev);
  EXPECT_EQ(got.commit, append.commit);
  EXPECT_EQ(got.round, 9u);
  EXPECT_EQ(got.count, 2u);
  EXPECT_EQ(got.entries, append.entries);
}

TEST(Frames, image_offer_keeps_every_field) {
  const raft::ImageOffer offer{.at = {{7}, {3}}, .round = 9};
  const auto decoded =
      decode_frame(encode_frame({{"a"}, {"b"}, raft::Message{{"a"}, {"b"}, {4}, offer}}));
  ASSERT_TRUE(decoded);
  const auto& message = std::get<raft::Message>(decoded->body);
  EXPECT_EQ(message.term.value, 4u);
  const auto& got = std::get<raft::ImageOffer>(message.body);
  EXPECT_EQ(got.at, offer.at);
  EXPECT_EQ(got.round, 9u);
}

TEST(Frames, golden_image_offer_bytes) {
  const raft::ImageOffer offer{.at = {{7}, {3}}, .round = 9};
  const std::string bytes = encode_frame({{"a"}, {"b"}, raft::Message{{"a"}, {"b"}, {4}, offer}});
  EXPECT_EQ(bytes.substr(32), std::string("\x06\x04\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0"
                                          "\x03\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0",
                                          33));
}

TEST(Frames, forward_keeps_every_field) {
  const Forward forward{7, {4}, "POST", "/db/execute?x", {{"content-type", "a/b"}}, "[1]"};
  const auto decoded = decode_frame(encode_frame({{"a"}, {"b"}, forward}));
  ASSERT_TRUE(decoded);
  const auto& got = std::get<Forward>(decoded->body);
  EXPECT_EQ(got.id, 7u);
  EXPECT_EQ(got.term.value, 4u);
  EXPECT_EQ(got.method, "POST");
  EXPECT_EQ(got.target, "/db/execute?x");
  EXPECT_EQ(got.headers, forward.headers);
  EXPECT_EQ(got.body, "[1]");
}

TEST(Frames, golden_probe_bytes) {
  EXPECT_EQ(encode_frame({{"a"}, {}, ProbeAsk{.id = 5}, "", {0x1234, 0x5678}}),
            std::string("\x02\x06\x34\x12\0\0\0\0\0\0\x78\x56\0\0\0\0\0\0"
                        "\x01\0\0\0a\0\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0",
                        39));
}

TEST(Frames, golden_found_bytes) {
  EXPECT_EQ(encode_frame({{"a"}, {}, FoundAsk{.id = 5}}),
            std::string("\x02\x0e\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                        "\x01\0\0\0a\0\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0",
                        39));
  const FoundReply reply{.id = 5,
                         .stage = FoundReply::Stage::founded,
                         .founders = {{{{"a"}, "h:1", true}}},
                         .nonce = 3};
  EXPECT_EQ(encode_frame({{"a"}, {"b"}, reply}).substr(32),
            std::string("\x05\0\0\0\0\0\0\0\x01\x12\0\0\0\x01\x01\0\0\0"
                        "\x01\0\0\0a\x03\0\0\0h:1\x01"
                        "\x03\0\0\0\0\0\0\0",
                        39));
}

TEST(Frames, found_reply_keeps_every_field) {
  const FoundReply reply{.id = 7,
                         .stage = FoundReply::Stage::member,
                         .founders = {{{{"a"}, "h:1", true}, {{"b"}, "h:2", false}}}};
  const auto decoded = decode_frame(encode_frame({{"a"}, {"b"}, reply}));
  ASSERT_TRUE(decoded);
  const auto& got = std::get<FoundReply>(decoded->body);
  EXPECT_EQ(got.id, 7u);
  EXPECT_EQ(got.stage, FoundReply::Stage::member);
  EXPECT_EQ(got.founders, reply.founders);
}

// A seed that the decoder refuses at once leads a fuzzer nowhere.
TEST(Frames, fuzz_seeds_are_frames_of_every_type) {
  std::set<std::size_t> types;
  for (const auto& file :
       std::filesystem::directory_iterator(LOCKSTEP_TEST_DATA "/../../fuzz/corpus/frame")) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const auto frame = decode_frame(bytes);
    EXPECT_TRUE(frame) << file.path();
    if (frame) types.insert(frame->body.index());
  }
  EXPECT_EQ(types.size(), std::variant_size_v<FrameBody>);
}

TEST(Frames, a_sender_is_required) {
  EXPECT_FALSE(decode_frame(encode_frame({{}, {"b"}, ProbeAsk{}})));
  EXPECT_TRUE(decode_frame(encode_frame({{"a"}, {}, ProbeAsk{}})));
}

TEST(Frames, consensus_needs_a_receiver) {
  EXPECT_FALSE(decode_frame(encode_frame({{"a"}, {}, raft::Message{}})));
  EXPECT_FALSE(decode_frame(encode_frame({{"a"}, {}, Forward{}})));
  EXPECT_FALSE(decode_frame(encode_frame({{"a"}, {}, FoundReply{}})));
}

TEST(Frames, a_count_beyond_the_bytes_reserves_nothing) {
  std::string bytes = encode_frame({{"a"}, {"b"}, Forward{}});
  // The header count stands before the body's length: make it 4 billion.
  bytes.replace(bytes.size() - 8, 4, "\xff\xff\xff\xff");
  EXPECT_FALSE(decode_frame(bytes));
}

TEST(Frames, entry_indexes_do_not_wrap) {
  raft::Append append;
  append.prev.index = {~std::uint64_t{0} - 1};
  append.count = 1;
  append.entries = {{{1}, {~std::uint64_t{0}}, raft::EntryKind::noop, Blob()}};
  std::string bytes = encode_frame({{"a"}, {"b"}, raft::Message{{"a"}, {"b"}, {1}, append}});
  ASSERT_TRUE(decode_frame(bytes));
  const std::size_t prev_at = 2 + 5 + 5 + 4 + 9;
  bytes[prev_at] = '\xff';  // prev.index becomes the largest number
  EXPECT_FALSE(decode_frame(bytes));
}

}  // namespace
}  // namespace lockstep::wire
