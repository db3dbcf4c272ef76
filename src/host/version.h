// The program's version, as -version prints it and X-Rqlite-Version carries it.
#pragma once

namespace lockstep::host {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace lockstep::host
