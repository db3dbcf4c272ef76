// Makes known, before any connection is open, what the database's files must hold.
#pragma once

#include "base/result.h"
#include "env/disk.h"
#include "sql/vfs.h"
#include "storage/manifest.h"

namespace lockstep::sql {

// Success: the WAL holds what `state` names, and every later read of it and of the main file
// through `files` is checked. `main` and `wal` are the plain files. Errc::corrupt: the WAL, the
// file of page checksums or the main file's length is not what `state` names; nothing was changed.
// Before the first turn.
Status recover_sums(DatabaseFiles& files, const storage::DurableState& state, env::File& main,
                    env::File& wal);

}  // namespace lockstep::sql
