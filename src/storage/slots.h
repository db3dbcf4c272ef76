// Slots: a small state kept twice in one file, each copy in a 4 KiB block of its own with sequence
// and checksum. A store writes the older copy, syncs, writes the other, syncs. So a crash spoils at
// most the copy being written, and once a store has returned, damage to either copy is harmless:
// the other holds the same state. (With one write per store a damaged newest copy would silently
// give back the state before, and with it a vote already spent.)
//
// Slot (version 1), at 0 and at 4096
//   offset size  meaning
//   0      8     magic, one per kind of file
//   8      8     checksum (XXH3-64) of bytes [16, 32 + n)
//   16     4     version: 1, or what the kind of file says
//   20     4     n, bytes of payload, at most 4064
//   24     8     sequence: the valid slot with the higher one counts
//   32     n     payload; zeros up to 4096
//
// The file gets its name only after both slots are durable. A file without a good slot is therefore
// damaged, never merely unfinished, and an absent file means that nothing was ever stored.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "env/disk.h"

namespace lockstep::storage {

inline constexpr std::size_t kSlotBytes = 4096;
inline constexpr std::size_t kSlotPayloadMax = kSlotBytes - 32;

class Slots {
 public:
  // A kind of file: `magic` has 8 bytes; `version` is that of the payloads that are stored from now
  // on. Older ones are read.
  struct Kind {
    std::string_view magic;
    std::uint32_t version = 1;
  };
  // Reads the file, or creates it with `initial`. Errc::corrupt: both slots are bad. Errc::invalid:
  // a newer version.
  static Result<Slots> open(env::Disk& disk, std::string name, Kind kind, std::string_view initial);
  [[nodiscard]] std::string_view payload() const { return payload_; }
  // Of payload(), as it was read. One that is older than the kind's must be stored anew (store()),
  // before settle().
  [[nodiscard]] std::uint32_t version() const { return version_; }
  // After open(), before anybody relies on payload(): makes it durable in both slots. What was read
  // may stand in the cache of the operating system alone, left by a killed process or a failed
  // sync, and one of the slots may be bad.
  Status settle(env::Disk& disk);
  // Success: durable in both slots. Errc::invalid, before anything is written: the payload is too
  // long. Any other failure is final.
  Status store(std::string_view payload);

 private:
  Slots(std::string name, Kind kind)
      : name_(std::move(name)),
        magic_(kind.magic),
        version_max_(kind.version),
        version_(kind.version) {}
  Status create(env::Disk& disk, std::string_view initial);
  Status read();
  Status write_both();
  [[nodiscard]] std::string encode() const;

  std::string name_;
  std::string magic_;
  std::uint32_t version_max_;
  std::uint32_t version_;
  std::unique_ptr<env::File> file_;
  std::string payload_;
  std::uint64_t sequence_ = 0;  // of the newest slot
  unsigned older_ = 0;          // the slot that the next store writes first
  bool failed_ = false;
};

}  // namespace lockstep::storage
