#include "api/json_text.h"

#include "api/hex.h"

namespace lockstep::api {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool is_surrogate_escape(std::string_view text, std::size_t at, char first_max, char first_min) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return false;
  if (text[at + 2] != 'd' && text[at + 2] != 'D') return false;
  const int digit = hex_digit(text[at + 3]);
  return digit >= hex_digit(first_min) && digit <= hex_digit(first_max) &&
         hex_digit(text[at + 4]) >= 0 && hex_digit(text[at + 5]) >= 0;
}

}  // namespace

std::optional<std::string> blob_literal(std::string_view text) {
  text = trim(text);
  if (text.size() < 3 || (text[0] != 'x' && text[0] != 'X') || text[1] != '\'' ||
      text.back() != '\'' || text.size() % 2 == 0) {
    return std::nullopt;
  }
  const auto hex = text.substr(2, text.size() - 3);
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_digit(hex[i]);
    const int low = hex_digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::optional<std::string> repair_surrogates(std::string_view body) {
  if (body.find("\\ud") == std::string_view::npos && body.find("\\uD") == std::string_view::npos) {
    return std::nullopt;
  }
  std::string out;
  out.reserve(body.size());
  for (std::size_t at = 0; at < body.size();) {
    std::size_t length = 1;
    if (is_surrogate_escape(body, at, 'b', '8') && is_surrogate_escape(body, at + 6, 'f', 'c')) {
      length = 12;
    } else if (is_surrogate_escape(body, at, 'f', '8')) {
      out += "\\ufffd";
      at += 6;
      continue;
    } else if (body[at] == '\\' && at + 1 < body.size()) {
      length = 2;
    }
    out += body.substr(at, length);
    at += length;
  }
  return out;
}

}  // namespace lockstep::api
