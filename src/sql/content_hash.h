// A hash of what a database says, not of how its pages say it.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "sql/connection.h"

namespace lockstep::sql {

// Schema, rows (row ids included) and the replicated counters; independent of the order in which
// rows and tables are found.
Result<std::uint64_t> hash_content(Connection& connection);

}  // namespace lockstep::sql
