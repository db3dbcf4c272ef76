// JSON numbers as SQL parameters: what fits 64 bits is an integer, the rest a double.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace lockstep::api {

using Number = std::variant<std::int64_t, double>;

// Precondition: `text` is a number by JSON's grammar. Errc::invalid "invalid number ..." if it is
// beyond the range of a double; what is too small for one is zero.
Result<Number> parse_number(std::string_view text);

}  // namespace lockstep::api
