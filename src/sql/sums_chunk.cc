#include "sql/sums_chunk.h"

#include "base/check.h"
#include "base/codec.h"
#include "base/hash.h"

namespace lockstep::sql {
namespace {

constexpr std::string_view kMagic = "LkPs";
constexpr std::uint32_t kVersion = 1;
static_assert(16 + 8 * kSumsPerChunk == kSumsChunkBytes);

}  // namespace

void encode_sums_chunk(std::uint64_t number, const SumsChunk& sums, std::string& out) {
  Encoder body;
  body.bytes(kMagic);
  body.u32(kVersion);
  for (const std::uint64_t sum : sums) body.u64(sum);
  Encoder checksum;
  checksum.u64(hash64(body.view(), number));
  out.append(checksum.view());
  out.append(body.view());
}

Result<SumsChunk> decode_sums_chunk(std::uint64_t number, std::string_view bytes) {
  CHECK(bytes.size() == kSumsChunkBytes);
  const std::string what = "chunk " + std::to_string(number) + " of the page checksums ";
  Decoder in(bytes);
  const std::uint64_t checksum = in.u64();
  const bool intact = checksum == hash64(bytes.substr(8), number);
  if (!intact || in.bytes(kMagic.size()) != kMagic)
    return fail(Errc::corrupt, what + "is not what was written");
  if (in.u32() != kVersion) return fail(Errc::invalid, what + "was written by a newer version");
  SumsChunk sums;
  for (std::uint64_t& sum : sums) sum = in.u64();
  CHECK(in.complete());
  return sums;
}

}  // namespace lockstep::sql
