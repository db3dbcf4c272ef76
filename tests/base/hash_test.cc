// The checksum of every format and of the trace: golden values, because files on disk and hashes
// in bug reports hold them for ever.
#include "base/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace lockstep {
namespace {

TEST(Hash, is_xxh3_64) {
  // The empty string's is published with the algorithm; the others come from libxxhash 0.8.1.
  EXPECT_EQ(hash64(""), 0x2d06800538d394c2U);
  EXPECT_EQ(hash64("a"), 0xe6c632b61e964e1fU);
  EXPECT_EQ(hash64("lockstep"), 0x2f270043200950ecU);
  EXPECT_EQ(hash64("lockstep", 7), 0xd1eb2930a403e3a1U);
  EXPECT_EQ(hash64(std::string(1000, 'x')), 0xc0a4877b962cba82U);
}

TEST(Hash, one_flipped_bit_changes_it) {
  const std::string bytes(257, '\x5a');
  std::set<std::uint64_t> seen{hash64(bytes)};
  for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string flipped = bytes;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
    seen.insert(hash64(flipped));
  }
  EXPECT_EQ(seen.size(), bytes.size() * 8 + 1);
}

TEST(RunningHash, golden) {
  RunningHash hash;
  EXPECT_EQ(hash.value(), 0x6c6f636b73746570U);
  hash.add(std::uint64_t{1});
  EXPECT_EQ(hash.value(), 0xdb9c8db242beac0eU);
  hash.add("event");
  EXPECT_EQ(hash.value(), 0x37bb7929984b1ec1U);
}

TEST(RunningHash, order_and_boundaries_matter) {
  const auto of = [](auto... parts) {
    RunningHash hash;
    (hash.add(std::string_view(parts)), ...);
    return hash.value();
  };
  EXPECT_EQ(of("ab", "c"), of("ab", "c"));
  EXPECT_NE(of("ab", "c"), of("c", "ab"));
  EXPECT_NE(of("ab", "c"), of("a", "bc"));
  EXPECT_NE(of("ab", "c"), of("abc"));
  EXPECT_NE(of("abc", ""), of("abc"));
  EXPECT_NE(of(""), of());
}

}  // namespace
}  // namespace lockstep
