// XXH3-64 (libxxhash): the one checksum of our formats and of the trace. Not cryptographic.
#pragma once

#include <cstdint>
#include <string_view>

namespace lockstep {

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

// A running hash: order matters, and add() of two strings differs from add() of their
// concatenation.
class RunningHash {
 public:
  void add(std::uint64_t v);
  void add(std::string_view bytes);
  [[nodiscard]] std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0x6c6f636b73746570ULL;  // "lockstep"
};

}  // namespace lockstep
