// Reads a database's whole main file against its checksums, as a start would find them.
#pragma once

#include "sim/disk.h"
#include "sql/wal_format.h"

namespace lockstep::sql {

// Errc::corrupt names the first bad page, or why the checksums cannot be used. Returns what the
// write-ahead frames of the state hold: their pages are not checked. No Database may be open.
Result<WalContents> scrub_at_rest(sim::SimDisk& disk);

}  // namespace lockstep::sql
