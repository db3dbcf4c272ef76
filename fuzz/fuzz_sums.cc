// sql::decode_sums_chunk is total on chunks, right checksum or not, and what it accepts is
// canonical: writing it again gives the same bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/codec.h"
#include "base/hash.h"
#include "sql/sums_chunk.h"

namespace sql = lockstep::sql;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  bytes.resize(sql::kSumsChunkBytes, '\0');
  (void)sql::decode_sums_chunk(7, bytes);
  lockstep::Encoder checksum;
  checksum.u64(lockstep::hash64(std::string_view(bytes).substr(8), 7));
  bytes.replace(0, 8, checksum.view());
  const auto sums = sql::decode_sums_chunk(7, bytes);
  if (!sums) return 0;
  std::string again;
  sql::encode_sums_chunk(7, *sums, again);
  CHECK(again == bytes);
  return 0;
}
