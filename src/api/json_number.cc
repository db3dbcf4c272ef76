#include "api/json_number.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

namespace lockstep::api {
namespace {

// Position of the first significant digit relative to the decimal point, exponent included: decides
// between overflow and underflow once from_chars has said "out of range".
bool is_below_one(std::string_view text) {
  const auto exponent_at = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(0, exponent_at);
  if (exponent_at == std::string_view::npos)
    return mantissa.find_first_of("123456789") > mantissa.find('.');
  std::string_view exponent = text.substr(exponent_at + 1);
  const bool negative = exponent.starts_with('-');
  exponent.remove_prefix(exponent.find_first_not_of("+-0") == std::string_view::npos
                             ? exponent.size()
                             : exponent.find_first_not_of("+-0"));
  // No body is long enough for its zeros to outweigh an exponent of ten digits.
  if (exponent.size() > 9) return negative;
  std::int64_t value = 0;
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), value);
  if (negative) value = -value;
  const auto point = std::min(mantissa.find('.'), mantissa.size());
  const auto first = std::min(mantissa.find_first_of("123456789"), mantissa.size());
  const auto position = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  return position + value <= 0;
}

}  // namespace

Result<Number> parse_number(std::string_view text) {
  const char* end = text.data() + text.size();
  if (text.find_first_of(".eE") == std::string_view::npos) {
    std::int64_t integer = 0;
    const auto parsed = std::from_chars(text.data(), end, integer);
    if (parsed.ec == std::errc() && parsed.ptr == end) return Number(integer);
  }
  double real = 0;
  const auto parsed = std::from_chars(text.data(), end, real);
  if (parsed.ec == std::errc::result_out_of_range) {
    const bool zero = text.substr(0, text.find_first_of("eE")).find_first_of("123456789") ==
                      std::string_view::npos;
    if (!zero && !is_below_one(text)) {
      return fail(Errc::invalid, "invalid number " + std::string(text));
    }
    return Number(text.starts_with('-') ? -0.0 : 0.0);
  }
  return Number(real);
}

}  // namespace lockstep::api
