// Images: the database as bytes, to be sent to a node that needs it whole. An image is the main
// file and the first frames of the write-ahead file, exactly what a manifest names; it is received
// into two staging files and becomes the database in steps that a crash may cut anywhere:
//
//  1. the staging files are complete, verified and synced, and their names durable;
//  2. the manifest says `installing`: from here on the image is the database (install_image());
//  3. the staging files are renamed into place, the page checksums made (Database::open());
//  4. the manifest no longer says so.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "env/disk.h"
#include "raft/membership.h"
#include "storage/manifest.h"

namespace lockstep::sql {

// The names of a database's two files.
inline constexpr char kMainName[] = "db.sqlite";
inline constexpr char kWalName[] = "db.sqlite-wal";

enum class ImagePart : std::uint8_t { main = 0, wal = 1 };

struct ImageLabel {
  storage::DurableState state;   // without what is local to one node (image_membership, sums_file)
  std::uint64_t main_bytes = 0;  // a multiple of the page size
  std::uint64_t wal_bytes = 0;   // header and state.wal_frames frames; 0 without frames
  friend bool operator==(const ImageLabel&, const ImageLabel&) = default;
};

// Where a receiver collects an image. The names are not part of any state ("tmp.").
inline constexpr char kStagedMain[] = "tmp.image-main";
inline constexpr char kStagedWal[] = "tmp.image-wal";

// Errc::corrupt: no state of a database of ours can have this label.
Status check_label(const ImageLabel& label);
// Whether the staging files hold what the label says, as far as can be told without the sender.
// Errc::corrupt: they do not. Image lane, or before the first turn.
Status check_staged(env::Disk& disk, const ImageLabel& label);

// Steps 1 and 2. No Database may be used on this disk any more, except to be destroyed; the next
// Database::open() finds the image. Errc::corrupt: the staging files do not hold what the label
// says; nothing was changed. Errc::no_space: likewise. Any other failure is final. Works over a
// database or manifest that is damaged or absent. Image lane, or before the first turn.
Status install_image(env::Disk& disk, const ImageLabel& label, const raft::Membership& membership);

}  // namespace lockstep::sql
