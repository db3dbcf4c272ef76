// CHECK states a fact that the code around it proves. It stays on in release builds: a broken
// invariant ends the process with one line, because a database that goes on after it would guess.
// Expected failures are Results (result.h), never CHECKs.
#pragma once

namespace lockstep {

// Prints "CHECK failed: EXPRESSION at FILE:LINE" on standard error and aborts.
[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace lockstep

#define CHECK(condition)                               \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::lockstep::check_failed(#condition, __FILE__, __LINE__))
