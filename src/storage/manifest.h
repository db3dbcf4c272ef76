// The manifest: two alternating checksummed slots that name ONE durable state of the database (see
// docs/design.md, "Durable points"). wal_frames = 0: the main file alone is the state at `index`.
// wal_frames = N > 0: main file + the first N frames of the write-ahead file whose header carries
// these salts. Format: docs/formats.md. Image lane only, once a node
// runs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "env/disk.h"

namespace lockstep::storage {

struct DurableState {
  LogIndex index;  // every entry up to here is in; replay starts after it
  Term term;       // of that entry
  std::uint32_t page_bytes = 4096;
  std::uint32_t wal_salt1 = 0;
  std::uint32_t wal_salt2 = 0;
  std::uint64_t wal_frames = 0;
  // Replicated connection state that rqlite's answers show (sqlite3_last_insert_rowid,
  // sqlite3_changes).
  std::int64_t last_insert_id = 0;
  std::int64_t rows_affected = 0;
  // The state came as an image from a peer, and this is where: the log must begin at `index` (or
  // hold that very entry), with this membership (encoded) in force. Empty otherwise: the state grew
  // from this node's own log. Cleared by the next durable point of its own.
  std::string image_membership{};
  // The image's files are complete and durable under their staging names, and take the places of
  // the old ones now: a restart finishes what a crash cut short.
  bool installing = false;
  // Which of the two files of page checksums belongs to this state (sql/page_sums.h): 0 or 1.
  std::uint8_t sums_file = 0;
  friend bool operator==(const DurableState&, const DurableState&) = default;
};

// Longest encoded membership that a manifest holds: about 100 members with long names.
inline constexpr std::size_t kImageMembershipMax = 4006;

class Manifest {
 public:
  // Creates an absent file (current() is then empty) or reads it. Errc::corrupt: both slots are
  // bad.
  static Result<std::unique_ptr<Manifest>> open(env::Disk& disk);
  ~Manifest();
  [[nodiscard]] const std::optional<DurableState>& current() const;
  // Success: durable. Needs no space. Errc::invalid: image_membership is longer than
  // kImageMembershipMax, nothing was written, and it will never fit. Any other failure is final.
  Status store(const DurableState& state);

 private:
  struct State;
  explicit Manifest(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::storage
