// What SQL makes of numbers, as one number: floating point differs from machine to machine in ways
// that no test of single values would meet.
#pragma once

#include <cstdint>

struct sqlite3;

namespace lockstep::sql {

// The hash of what SQL answers for `count` arguments of each mathematical function, each conversion
// between text and number, and each aggregate over them. On any connection.
std::uint64_t hash_of_numbers(sqlite3* db, int count);

}  // namespace lockstep::sql
