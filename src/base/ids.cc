#include "base/ids.h"

#include <string_view>

namespace lockstep {

std::string to_string(ClusterId id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t half : {id.high, id.low}) {
    for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(half >> shift) & 0xf];
  }
  return text;
}

}  // namespace lockstep
