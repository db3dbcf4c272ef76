// Images for the tests: taken from a database that goes on meanwhile, and put on another disk the
// way a receiver does it.
#pragma once

#include <cstdint>
#include <string>

#include "sim/disk.h"
#include "sql/image.h"
#include "tests/sql/scenario.h"

namespace lockstep::sql {

struct Image {
  ImageLabel label;
  std::string main;
  std::string wal;
};

// Reads the pinned image in parts of `step` bytes; after each, `meanwhile` may let others go on.
Image fetch(Database& database, const ImageLabel& label, std::uint64_t step,
            const std::function<void()>& meanwhile);

// The image of a node that has applied `applied` entries, with the writer going on during the
// transfer. Draws decide whether readers and a partial checkpoint leave frames in it.
Image image_of(const Scenario& scenario, std::uint64_t applied, Rng rng);

// Writes the staging files, as bytes come in; nothing is synced.
Status stage(env::Disk& disk, const Image& image);

// A membership that says in tests whose image it was.
raft::Membership membership_of(const std::string& node);

}  // namespace lockstep::sql
