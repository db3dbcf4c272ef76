#include "raft/membership.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace lockstep::raft {
namespace {

Membership three() {
  Membership membership;
  membership.put({.id = NodeId{"b"}, .address = "b:1", .voter = true});
  membership.put({.id = NodeId{"a"}, .address = "a:1", .voter = true});
  membership.put({.id = NodeId{"c"}, .address = "c:1", .voter = false});
  return membership;
}

TEST(Membership, is_sorted_and_counts_voters_only) {
  const Membership membership = three();
  ASSERT_EQ(membership.members.size(), 3u);
  EXPECT_EQ(membership.members[0].id.value, "a");
  EXPECT_EQ(membership.members[2].id.value, "c");
  EXPECT_EQ(membership.voter_count(), 2u);
  EXPECT_EQ(membership.quorum(), 2u);
  EXPECT_TRUE(membership.is_voter(NodeId{"b"}));
  EXPECT_FALSE(membership.is_voter(NodeId{"c"}));
  EXPECT_EQ(membership.find(NodeId{"d"}), nullptr);
  EXPECT_EQ(Membership{}.quorum(), 1u);
}

TEST(Membership, put_replaces_and_remove_forgives) {
  Membership membership = three();
  membership.put({.id = NodeId{"c"}, .address = "c:9", .voter = true});
  EXPECT_EQ(membership.members.size(), 3u);
  EXPECT_EQ(membership.find(NodeId{"c"})->address, "c:9");
  membership.remove(NodeId{"x"});
  EXPECT_EQ(membership.members.size(), 3u);
  membership.remove(NodeId{"a"});
  EXPECT_EQ(membership.find(NodeId{"a"}), nullptr);
}

TEST(Membership, bytes_are_as_documented) {
  Membership membership;
  membership.put({.id = NodeId{"a"}, .address = "h", .voter = true});
  const std::string expected("\x01\x01\0\0\0\x01\0\0\0a\x01\0\0\0h\x01", 16);
  EXPECT_EQ(encode(membership), expected);
}

TEST(Membership, every_other_length_is_corrupt) {
  const std::string bytes = encode(three());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = decode_membership(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().code, Errc::corrupt);
  }
  EXPECT_FALSE(decode_membership(bytes + "x"));
}

TEST(Membership, unsorted_doubled_and_nameless_members_are_corrupt) {
  Membership membership = three();
  std::swap(membership.members[0], membership.members[1]);
  EXPECT_FALSE(decode_membership(encode(membership)));
  membership.members[0] = membership.members[1];
  EXPECT_FALSE(decode_membership(encode(membership)));
  membership.members = {Member{.id = {}, .address = "x", .voter = true}};
  EXPECT_FALSE(decode_membership(encode(membership)));
}

RC_GTEST_PROP(Membership, decodes_what_it_encodes, ()) {
  Membership membership;
  const auto ids = *rc::gen::container<std::vector<std::string>>(
      rc::gen::nonEmpty(rc::gen::string<std::string>()));
  for (const std::string& id : ids)
    membership.put({.id = NodeId{id},
                    .address = *rc::gen::string<std::string>(),
                    .voter = *rc::gen::arbitrary<bool>()});
  const auto decoded = decode_membership(encode(membership));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == membership);
}

RC_GTEST_PROP(Membership, a_flipped_byte_never_gives_the_same_value, ()) {
  const Membership membership = three();
  std::string bytes = encode(membership);
  const auto position = *rc::gen::inRange<std::size_t>(0, bytes.size());
  bytes[position] = static_cast<char>(bytes[position] ^ *rc::gen::inRange(1, 256));
  const auto decoded = decode_membership(bytes);
  RC_ASSERT(!decoded || *decoded != membership);
}

}  // namespace
}  // namespace lockstep::raft
