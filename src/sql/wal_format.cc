#include "sql/wal_format.h"

#include <algorithm>
#include <string>
#include <vector>

#include "sql/frame_sums.h"

namespace lockstep::sql {
namespace {

std::uint32_t big32(const char* at) {
  const auto* b = reinterpret_cast<const unsigned char*>(at);
  return (std::uint32_t{b[0]} << 24) | (std::uint32_t{b[1]} << 16) | (std::uint32_t{b[2]} << 8) |
         b[3];
}

std::uint32_t little32(const char* at) {
  const auto* b = reinterpret_cast<const unsigned char*>(at);
  return (std::uint32_t{b[3]} << 24) | (std::uint32_t{b[2]} << 16) | (std::uint32_t{b[1]} << 8) |
         b[0];
}

// The running checksum of header and frames; words are read in the byte order the magic names.
class WalSum {
 public:
  explicit WalSum(bool big_endian) : word_(big_endian ? &big32 : &little32) {}
  void add(const char* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; i += 8) {
      first_ += word_(bytes + i) + second_;
      second_ += word_(bytes + i + 4) + first_;
    }
  }
  // Stored sums are big-endian always.
  [[nodiscard]] bool matches(const char* at) const {
    return first_ == big32(at) && second_ == big32(at + 4);
  }

 private:
  std::uint32_t (*word_)(const char*);
  std::uint32_t first_ = 0;
  std::uint32_t second_ = 0;
};

std::unexpected<Error> bad(const std::string& what) {
  return fail(Errc::corrupt, "WAL: " + what);
}

Result<WalContents> check_wal(env::File& wal, const WalExpectation& expected, FrameSums* sums) {
  WalContents contents;
  if (expected.frames == 0) return contents;
  constexpr std::uint32_t kMagic = 0x377f0682;  // its lowest bit names the checksum's byte order
  char header[kWalHeaderBytes];
  TRY(env::read_exactly(wal, 0, header));
  const std::uint32_t magic = big32(header);
  if ((magic & ~1u) != kMagic) return bad("no header");
  WalSum sum((magic & 1u) != 0);
  sum.add(header, 24);
  if (!sum.matches(header + 24)) return bad("header does not match its checksum");
  if (big32(header + 8) != expected.page_bytes) return bad("page size is not the manifest's");
  if (big32(header + 16) != expected.salt1 || big32(header + 20) != expected.salt2)
    return bad("salts are not the manifest's");
  if (sums != nullptr) sums->learn(0, {header, sizeof header});

  const std::uint64_t frame_bytes = kWalFrameHeaderBytes + expected.page_bytes;
  constexpr std::uint64_t kFramesPerRead = 32;
  std::vector<char> buffer(kFramesPerRead * frame_bytes);
  for (std::uint64_t done = 0; done < expected.frames; done += kFramesPerRead) {
    const std::uint64_t count = std::min(kFramesPerRead, expected.frames - done);
    const std::span<char> part(buffer.data(), count * frame_bytes);
    TRY(env::read_exactly(wal, kWalHeaderBytes + done * frame_bytes, part));
    for (std::uint64_t i = 0; i < count; ++i) {
      const char* const frame = part.data() + i * frame_bytes;
      sum.add(frame, 8);
      sum.add(frame + kWalFrameHeaderBytes, expected.page_bytes);
      const bool salts = big32(frame + 8) == expected.salt1 && big32(frame + 12) == expected.salt2;
      if (!salts || big32(frame) == 0 || !sum.matches(frame + 16))
        return bad("frame " + std::to_string(done + i + 1) + " of " +
                   std::to_string(expected.frames) + " is not valid");
      contents.pages.push_back(big32(frame));
      contents.database_pages = big32(frame + 4);
    }
    const std::uint64_t offset = kWalHeaderBytes + done * frame_bytes;
    if (sums != nullptr) sums->learn(offset, {part.data(), part.size()});
  }
  if (contents.database_pages == 0) return bad("the last frame ends no transaction");
  return contents;
}

}  // namespace

std::uint64_t wal_bytes(std::uint64_t frames, std::uint32_t page_bytes) {
  return frames == 0 ? 0 : kWalHeaderBytes + frames * (kWalFrameHeaderBytes + page_bytes);
}

Status verify_wal(env::File& wal, const WalExpectation& expected) {
  TRY(check_wal(wal, expected, nullptr));
  return {};
}

Result<WalContents> read_wal(env::File& wal, const WalExpectation& expected, FrameSums& sums) {
  return check_wal(wal, expected, &sums);
}

}  // namespace lockstep::sql
