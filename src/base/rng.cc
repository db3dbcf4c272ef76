#include "base/rng.h"

#include <bit>

#include "base/check.h"
#include "base/hash.h"

namespace lockstep {
namespace {

std::uint64_t split_mix(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Rng::Rng(std::uint64_t seed) : seed_(seed) {
  std::uint64_t state = seed;
  for (auto& word : s_) word = split_mix(state);
}

Rng Rng::derive(std::string_view name, std::uint64_t number) const {
  std::uint64_t state = seed_ ^ hash64(name, number);
  return Rng(split_mix(state));
}

std::uint64_t Rng::next() {
  const std::uint64_t result = std::rotl(s_[1] * 5, 7) * 9;
  const std::uint64_t t = s_[1] << 17;
  s_[2] ^= s_[0];
  s_[3] ^= s_[1];
  s_[1] ^= s_[2];
  s_[0] ^= s_[3];
  s_[2] ^= t;
  s_[3] = std::rotl(s_[3], 45);
  return result;
}

std::uint64_t Rng::below(std::uint64_t n) {
  CHECK(n > 0);
  // Rejection below 2^64 mod n keeps the draw exactly uniform.
  const std::uint64_t reject = (0 - n) % n;
  std::uint64_t draw = next();
  while (draw < reject) draw = next();
  return draw % n;
}

}  // namespace lockstep
