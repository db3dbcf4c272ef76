// Of what the SQLite in this program was built: versions of Debian's source packages, and hashes of
// the very sources, which tell two revisions of a package apart where sqlite3_sourceid() does not.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Lockstep_origin {
  const char* sqlite_package;  // as 3.46.1-7+deb13u2
  const char* sqlite_hash;     // 16 hexadecimal digits
  const char* math_package;    // of musl
  const char* math_hash;
} Lockstep_origin;

extern const Lockstep_origin lockstep_sqlite3_origin;

#ifdef __cplusplus
}
#endif
