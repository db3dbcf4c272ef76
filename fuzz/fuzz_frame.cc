// wire::decode_frame is total, and what it accepts is canonical: encoding it gives the same bytes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "wire/frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto frame = lockstep::wire::decode_frame(bytes);
  if (frame) CHECK(lockstep::wire::encode_frame(*frame) == bytes);
  return 0;
}
