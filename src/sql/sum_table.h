// A table of checksums that grows and shrinks at its end and that all lanes may use at any time: in
// stripes with a lock each, so that readers of different pages seldom meet. 8 bytes an entry;
// growth moves nothing.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>

#include "base/result.h"
#include "sql/vfs_locks.h"

namespace lockstep::sql {

class SumTable {
 public:
  // What is not known: no checksum is ever this (see known_sum()).
  static constexpr std::uint64_t kUnknown = 0;

  [[nodiscard]] std::uint64_t get(std::uint64_t index);
  void set(std::uint64_t index, std::uint64_t sum);
  // Forgets the entries at `count` and above.
  void cut(std::uint64_t count);

 private:
  static constexpr std::uint64_t kStripes = 16;
  struct alignas(64) Stripe {
    Lock lock;
    std::deque<std::uint64_t> sums;  // of the indexes that leave the same rest
  };
  std::array<Stripe, kStripes> stripes_;
};

// What it means that a file does not hold what was written to it: rot, which a repair mends, unless
// a sync of the file has failed before. That may have lost any write since the last good one, so it
// is the disk's failure, and a new start finds whole what was durable. Any lane.
class SyncWatch {
 public:
  // Passes on what a sync of the file said.
  Status seen(Status synced);
  // Errc::corrupt or, after a failed sync, Errc::io.
  std::unexpected<Error> mismatch(const std::string& what);

 private:
  Lock lock_;
  bool failed_ = false;
};

// A checksum as the tables keep it.
constexpr std::uint64_t known_sum(std::uint64_t checksum) {
  return checksum == SumTable::kUnknown ? 1 : checksum;
}

}  // namespace lockstep::sql
