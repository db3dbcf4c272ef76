#include "base/hash.h"

#include <xxhash.h>

namespace lockstep {

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

void RunningHash::add(std::uint64_t v) {
  state_ = XXH3_64bits_withSeed(&v, sizeof v, state_);
}

void RunningHash::add(std::string_view bytes) {
  state_ = hash64(bytes, state_ ^ bytes.size());
}

}  // namespace lockstep
