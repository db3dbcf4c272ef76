// Expected failure is a value: Result<T> holds a T or an Error. TRY passes an Error up.
// (A user's SQL error is neither: it is a reply, see sql/result.h.)
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace lockstep {

enum class Errc {
  io,              // the disk or the network failed; the state of what was attempted is unknown
  no_space,        // the disk is full
  not_found,       // a named thing does not exist
  exists,          // a named thing exists already
  corrupt,         // bytes do not match their checksum or format
  invalid,         // the caller's input is wrong
  busy,            // a bounded queue is full, or a lock is held
  not_leader,      // certainly not executed: this node does not lead
  no_leader,       // certainly not executed: no leader is known
  refused,         // certainly not executed, for the reason in `text`
  unknown,         // may or may not take effect
  timeout,         // gave up waiting; for a write this is also "may or may not"
  stale,           // the read could not be proven fresh enough
  out_of_service,  // certainly not executed: this node serves nothing, for the reason in `text`
};

struct Error {
  Errc code = Errc::io;
  std::string text;  // one line, for a person
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(Errc code, std::string text) {
  return std::unexpected<Error>(Error{code, std::move(text)});
}

}  // namespace lockstep

#define LOCKSTEP_CONCAT2(a, b) a##b
#define LOCKSTEP_CONCAT(a, b) LOCKSTEP_CONCAT2(a, b)

// TRY(expression): evaluates a Status or Result and returns its Error from the enclosing function.
#define TRY(expression)                                                     \
  do {                                                                      \
    auto try_result = (expression);                                         \
    if (!try_result) return std::unexpected(std::move(try_result).error()); \
  } while (false)

// TRY_ASSIGN(declaration, expression): the same, binding the value on success.
#define TRY_ASSIGN(declaration, expression)                                            \
  auto LOCKSTEP_CONCAT(try_assign_, __LINE__) = (expression);                          \
  if (!LOCKSTEP_CONCAT(try_assign_, __LINE__))                                         \
    return std::unexpected(std::move(LOCKSTEP_CONCAT(try_assign_, __LINE__)).error()); \
  declaration = std::move(*LOCKSTEP_CONCAT(try_assign_, __LINE__))
