#include "api/utf8.h"

namespace lockstep::api {
namespace {

unsigned char byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

// The ranges of the second byte (Unicode standard, table 3-7) exclude overlong forms, surrogates
// and what lies above U+10FFFF.
struct Lead {
  std::size_t length = 0;
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xbf;
};

Lead lead_of(unsigned char b) {
  if (b < 0x80) return {.length = 1};
  if (b >= 0xc2 && b <= 0xdf) return {.length = 2};
  if (b == 0xe0) return {.length = 3, .second_min = 0xa0};
  if (b == 0xed) return {.length = 3, .second_max = 0x9f};
  if (b >= 0xe1 && b <= 0xef) return {.length = 3};
  if (b == 0xf0) return {.length = 4, .second_min = 0x90};
  if (b >= 0xf1 && b <= 0xf3) return {.length = 4};
  if (b == 0xf4) return {.length = 4, .second_max = 0x8f};
  return {};
}

}  // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) {
  const Lead lead = lead_of(byte_at(text, at));
  if (lead.length <= 1) return lead.length;
  if (lead.length > text.size() - at) return 0;
  const auto second = byte_at(text, at + 1);
  if (second < lead.second_min || second > lead.second_max) return 0;
  for (std::size_t i = 2; i < lead.length; ++i) {
    if ((byte_at(text, at + i) & 0xc0) != 0x80) return 0;
  }
  return lead.length;
}

bool is_valid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      ++at;
    } else {
      out += text.substr(at, length);
      at += length;
    }
  }
  return out;
}

}  // namespace lockstep::api
