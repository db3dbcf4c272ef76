// SQLite in one piece, over mathematical functions of our own, and what it was made of.
#include "math_names.h"

#include "include/sqlite3_origin.h"

#include <sqlite3.c>

const Lockstep_origin lockstep_sqlite3_origin = {
    .sqlite_package = LOCKSTEP_SQLITE_PACKAGE,
    .sqlite_hash = LOCKSTEP_SQLITE_HASH,
    .math_package = LOCKSTEP_MATH_PACKAGE,
    .math_hash = LOCKSTEP_MATH_HASH,
};
