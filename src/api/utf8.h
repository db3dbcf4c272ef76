// UTF-8 as Go reads it: a byte that starts no well-formed sequence stands for U+FFFD, alone.
#pragma once

#include <string>
#include <string_view>

namespace lockstep::api {

// Length (1 to 4) of the well-formed sequence at `at`, or 0. Surrogates and overlong forms are
// ill-formed. Precondition: at < text.size().
std::size_t utf8_length(std::string_view text, std::size_t at);

bool is_valid_utf8(std::string_view text);

// `text` with each ill-formed byte replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

}  // namespace lockstep::api
