// Spares: files that wait under a "tmp." name for a new segment to take their place: those of
// dropped segments, and where there is none, one written ahead. All their blocks were written once,
// so a segment made of one costs a small write where a new file costs zeros to its full size, while
// every writer waits; and it needs no space, so a full disk does not stop it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/disk.h"
#include "storage/segment.h"

namespace lockstep::storage {

inline constexpr std::size_t kSparesMax = 2;

// A spare to write ahead.
struct SpareAhead {
  std::string name;
  std::uint64_t file_bytes = 0;
};
// Writes it, so that Spares::add() may follow. Any lane: the log knows nothing of it before. Errc::
// no_space leaves nothing; any other failure means that the disk fails.
Status write_spare(env::Disk& disk, const SpareAhead& spare);

class Spares {
 public:
  // `file_bytes`: the one size that is kept.
  Spares(env::Disk& disk, std::uint64_t file_bytes) : disk_(disk), file_bytes_(file_bytes) {}

  static bool is_spare(std::string_view name);
  // At start: takes over those of `names` that fit and for which there is room. Returns the others,
  // which the caller removes.
  Result<std::vector<std::string>> adopt(const std::vector<std::string>& names);
  // The name of a spare that holds `bytes`; empty if there is none. It stays one until taken().
  [[nodiscard]] std::string find(std::uint64_t bytes) const;
  // What find() gave has become a segment.
  void taken() { names_.pop_back(); }
  // The one to write for the segment of that sequence; nullopt if there is one already.
  [[nodiscard]] std::optional<SpareAhead> wanted(std::uint64_t sequence) const;
  // write_spare() has written it. Removes it if there are enough by now.
  Status add(const SpareAhead& spare);
  // The segment leaves the log: its file becomes a spare or is removed. The caller syncs the folder
  // before anything else; a spare that is written to must not come back under its old name.
  Status retire(const Segment& segment);

 private:
  env::Disk& disk_;
  std::uint64_t file_bytes_;
  std::vector<std::string> names_;
};

}  // namespace lockstep::storage
