// What decides which bytes an entry leaves behind, beside the entry and the database: members of
// one cluster must be equal in it, or their replicas will not be. A value, computed once at start.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep::sql {

// What this project makes of an entry, above SQLite: functions, limits, settings, what is refused
// and how far it is counted. To be raised with every change that a replica would show.
inline constexpr std::uint32_t kSqlVersion = 1;

// Of what the SQLite in this program is made.
struct SqliteBuild {
  std::string version;               // as 3.46.1
  std::string source_id;             // SQLite's own name of its source
  std::string package;               // Debian's version of it, as 3.46.1-7+deb13u2
  std::string math_package;          // and of musl, whose mathematical functions it calls
  std::vector<std::string> options;  // as PRAGMA compile_options has them
};
SqliteBuild sqlite_build();

struct Fingerprint {
  std::uint32_t sql_version = 0;
  std::uint64_t source = 0;   // of the very text of SQLite and the mathematical functions
  std::uint64_t options = 0;  // that SQLite was compiled with; the compiler is not among them
  std::uint64_t numbers = 0;  // what some thousand calculations and conversions came to

  bool operator==(const Fingerprint&) const = default;
};
std::string to_string(const Fingerprint& fingerprint);

// Takes a hundredth of a second. What it finds is the same on every machine, or the machine is
// unfit to be a replica.
Fingerprint fingerprint();

}  // namespace lockstep::sql
