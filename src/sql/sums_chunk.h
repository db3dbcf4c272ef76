// The files of page checksums as bytes: "sums-0" and "sums-1" are nothing but chunks, each with the
// checksums of consecutive pages of the main file, chunk 0 from page 1.
//
// Chunk (version 1)
//   offset size  meaning
//   0      8     checksum (XXH3-64, seeded with the number of the chunk) of bytes [8, 4096)
//   8      4     magic "LkPs"
//   12     4     version = 1
//   16     4080  510 page checksums: XXH3-64 of the page's 4096 bytes, seeded with its number, 0
//                written as 1. 0: no such page, or not known
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lockstep::sql {

inline constexpr std::uint64_t kSumsChunkBytes = 4096;
inline constexpr std::uint64_t kSumsPerChunk = 510;

using SumsChunk = std::array<std::uint64_t, kSumsPerChunk>;

// Appends the chunk to `out`.
void encode_sums_chunk(std::uint64_t number, const SumsChunk& sums, std::string& out);
// Errc::corrupt: not what was written as this chunk. Errc::invalid: of a newer version.
// Precondition: kSumsChunkBytes of bytes.
Result<SumsChunk> decode_sums_chunk(std::uint64_t number, std::string_view bytes);

}  // namespace lockstep::sql
