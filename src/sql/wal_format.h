// Reads SQLite's write-ahead file independently of SQLite (format: SQLite, "WAL-mode file format",
// section 1), to decide whether it holds exactly what a manifest names.
#pragma once

#include <cstdint>

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

// Length of a WAL with so many frames.
std::uint64_t wal_bytes(std::uint64_t frames, std::uint32_t page_bytes);

// Success: the header has these salts and the first `frames` frames are valid, the last one ending
// a transaction; without frames nothing is needed. Errc::corrupt names the first thing that is not
// so.
Status verify_wal(env::File& wal, const WalExpectation& expected);

}  // namespace lockstep::sql
