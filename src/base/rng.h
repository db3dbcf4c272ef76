// Deterministic random numbers: xoshiro256** seeded by SplitMix64. The same seed gives the same
// draws on every compiler and platform; std::*_distribution and random_device do not, and are
// banned below host/. One generator per subsystem, derived by name (derive), so that a new draw in
// one place does not shift the others. Source: Blackman & Vigna, "Scrambled linear pseudorandom
// number generators", 2018.
#pragma once

#include <cstdint>
#include <string_view>

namespace lockstep {

class Rng {
 public:
  explicit Rng(std::uint64_t seed);
  // A generator for the named subsystem, independent of this one's draws so far and to come.
  [[nodiscard]] Rng derive(std::string_view name, std::uint64_t number = 0) const;

  // 64 uniform bits.
  std::uint64_t next();
  // Uniform in [0, n). Precondition: n > 0.
  std::uint64_t below(std::uint64_t n);
  // Uniform in [low, high]. Precondition: low <= high.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }
  // True with probability numerator / denominator.
  bool chance(std::uint64_t numerator, std::uint64_t denominator) {
    return below(denominator) < numerator;
  }

 private:
  std::uint64_t seed_;
  std::uint64_t s_[4];
};

}  // namespace lockstep
