// Reads SQLite's write-ahead file independently of SQLite (format: SQLite, "WAL-mode file format",
// section 1), to decide whether it holds exactly what a manifest names.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "env/disk.h"

namespace lockstep::sql {

inline constexpr std::uint64_t kWalHeaderBytes = 32;
inline constexpr std::uint64_t kWalFrameHeaderBytes = 24;

struct WalExpectation {
  std::uint32_t page_bytes = 0;
  std::uint32_t salt1 = 0;
  std::uint32_t salt2 = 0;
  std::uint64_t frames = 0;
};

// What the frames of a WAL hold.
struct WalContents {
  std::vector<std::uint32_t> pages;  // the page of each frame
  std::uint32_t database_pages = 0;  // size of the database after them; 0 without frames
};

class FrameSums;

// Length of a WAL with so many frames.
std::uint64_t wal_bytes(std::uint64_t frames, std::uint32_t page_bytes);

// Success: the header has these salts and the first `frames` frames are valid, the last one ending
// a transaction; without frames nothing is needed. Errc::corrupt names the first thing that is not
// so.
Status verify_wal(env::File& wal, const WalExpectation& expected);
// The same; says what the frames hold and makes their checksums known to `sums`.
Result<WalContents> read_wal(env::File& wal, const WalExpectation& expected, FrameSums& sums);

}  // namespace lockstep::sql
