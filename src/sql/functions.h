// SQL functions that stock SQLite answers from a connection's own state, replaced so that an entry
// has the same effect on every replica: random() and randomblob() draw from the entry's seed,
// total_changes() counts nothing.
#pragma once

#include "base/rng.h"

struct sqlite3;

namespace lockstep::sql {

// `rng` outlives the connection; the caller reseeds it for each entry.
// Returns SQLite's result code.
int install_functions(sqlite3* db, Rng& rng);

}  // namespace lockstep::sql
