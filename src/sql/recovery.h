// Brings the files of a database to the state their manifest names, or creates them. Before any
// connection is open; steps 0 and 6 of docs/design.md, "Durable points".
#pragma once

#include "base/result.h"
#include "sql/database.h"
#include "sql/vfs.h"
#include "storage/manifest.h"

namespace lockstep::sql {

// Success: main file and WAL hold exactly manifest.current(), and the WAL nothing beyond. Creates
// the database if the manifest names no state yet. Errc::corrupt: the files do not hold it; nothing
// was changed.
Status recover_files(DatabaseFiles& files, const DatabaseOptions& options,
                     storage::Manifest& manifest);

}  // namespace lockstep::sql
