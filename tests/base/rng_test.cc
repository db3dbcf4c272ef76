// The random numbers of every trace: the published algorithm bit for bit (so that seeds in bug
// reports keep their meaning), derived generators that do not disturb one another, and exact
// bounds.
#include "base/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

namespace lockstep {
namespace {

std::vector<std::uint64_t> draw(Rng rng, std::size_t count) {
  std::vector<std::uint64_t> draws;
  while (draws.size() < count) draws.push_back(rng.next());
  return draws;
}

// Golden numbers of an independent implementation of xoshiro256** seeded by SplitMix64.
TEST(Rng, is_xoshiro256_star_star) {
  using V = std::vector<std::uint64_t>;
  EXPECT_EQ(draw(Rng(0), 4),
            (V{0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c}));
  EXPECT_EQ(draw(Rng(42), 4),
            (V{0x15780b2e0c2ec716, 0x6104d9866d113a7e, 0xae17533239e499a1, 0xecb8ad4703b360a1}));
  EXPECT_EQ(draw(Rng(~0ULL), 4),
            (V{0x8f5520d52a7ead08, 0xc476a018caa1802d, 0x81de31c0d260469e, 0xbf658d7e065f3c2f}));
  EXPECT_EQ(draw(Rng(0), 1000).back(), 0x7aac8c483a2edd2fU);
  EXPECT_EQ(draw(Rng(42), 1000).back(), 0x8de5848c61ab8968U);
}

TEST(Rng, below_is_uniform_in_exact_counts) {
  Rng rng(42);
  std::array<int, 10> counts{};
  for (int i = 0; i < 100'000; ++i) ++counts[rng.below(10)];
  // Exact, not "about": the numbers come from the independent implementation.
  EXPECT_EQ(counts, (std::array{9903, 9979, 9842, 10013, 10204, 9973, 9870, 10016, 10042, 10158}));
}

TEST(Rng, below_rejects_what_would_bias) {
  // n just above 2^63 must reject nearly half of the draws: 97 of the first 200 with seed 9.
  constexpr std::uint64_t kN = (1ULL << 63) + 1;
  const auto draws = draw(Rng(9), 200);
  EXPECT_EQ(std::ranges::count_if(draws, [](auto d) { return d < (0 - kN) % kN; }), 97);
  Rng rng(9);
  EXPECT_EQ(rng.below(kN), 0x3b91dca2edee4c4bU);
  EXPECT_EQ(rng.below(kN), 0x6bab75b2766c0964U);
  EXPECT_EQ(rng.below(kN), 0x3e9191bbe2ffd29fU);
}

TEST(Rng, bounds_are_kept_and_reached) {
  Rng rng(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(rng.below(1), 0u);
    EXPECT_EQ(rng.between(5, 5), 5u);
    seen.insert(rng.between(10, 13));
  }
  EXPECT_EQ(seen, (std::set<std::uint64_t>{10, 11, 12, 13}));
  const auto top = std::numeric_limits<std::uint64_t>::max();
  EXPECT_GE(rng.between(top - 1, top), top - 1);
}

TEST(Rng, chance_counts_exactly) {
  Rng rng(7);
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) hits += rng.chance(1, 4) ? 1 : 0;
  EXPECT_EQ(hits, 2571);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(rng.chance(0, 3));
    EXPECT_TRUE(rng.chance(3, 3));
  }
}

// derive() depends on the seed alone, not on what was drawn: a new draw in one subsystem leaves
// the others' sequences as they were.
TEST(Rng, derived_generators_ignore_draws) {
  Rng parent(99);
  const auto before = draw(parent.derive("disk"), 8);
  for (int i = 0; i < 17; ++i) parent.next();
  EXPECT_EQ(draw(parent.derive("disk"), 8), before);
}

TEST(Rng, deriving_does_not_draw) {
  Rng with(99);
  Rng without(99);
  static_cast<void>(with.derive("network", 3));
  EXPECT_EQ(with.next(), without.next());
}

TEST(Rng, derived_generators_differ_by_name_number_and_seed) {
  std::set<std::uint64_t> firsts;
  std::size_t asked = 0;
  for (const std::uint64_t seed : {0ULL, 1ULL, 2ULL, ~0ULL}) {
    const Rng parent(seed);
    firsts.insert(draw(parent, 1).front());
    ++asked;
    for (const auto* name : {"", "disk", "network", "clock"}) {
      for (std::uint64_t number = 0; number < 50; ++number) {
        firsts.insert(draw(parent.derive(name, number), 1).front());
        ++asked;
      }
    }
  }
  EXPECT_EQ(firsts.size(), asked);
}

}  // namespace
}  // namespace lockstep
