#include "api/go_format.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/check.h"

namespace lockstep::api {
namespace {

constexpr std::uint64_t kDurationMax = std::uint64_t{1} << 63;  // magnitude; negative only

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
constexpr Unit kUnits[] = {
    {"ns", 1},
    {"us", 1'000},
    {"\xc2\xb5s", 1'000},  // U+00B5 micro sign
    {"\xce\xbcs", 1'000},  // U+03BC Greek mu
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
};

const Unit* find_unit(std::string_view name) {
  for (const auto& unit : kUnits) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes leading digits off `text`; empty if their value passes 2^63.
std::optional<std::uint64_t> take_integer(std::string_view& text) {
  std::uint64_t value = 0;
  while (!text.empty() && is_digit(text.front())) {
    if (value > kDurationMax / 10) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(text.front() - '0');
    if (value > kDurationMax) return std::nullopt;
    text.remove_prefix(1);
  }
  return value;
}

// A decimal fraction: digits / scale. Digits that would not fit change less than a nanosecond and
// are skipped.
struct Fraction {
  std::uint64_t digits = 0;
  std::uint64_t scale = 1;
};

Fraction take_fraction(std::string_view& text) {
  Fraction fraction;
  while (!text.empty() && is_digit(text.front())) {
    if (fraction.scale < 1'000'000'000'000'000'000) {
      fraction.digits = fraction.digits * 10 + static_cast<std::uint64_t>(text.front() - '0');
      fraction.scale *= 10;
    }
    text.remove_prefix(1);
  }
  return fraction;
}

// One "number unit" pair in nanoseconds.
std::optional<std::uint64_t> take_part(std::string_view& text) {
  const std::size_t before = text.size();
  const auto whole = take_integer(text);
  if (!whole) return std::nullopt;
  bool any_digit = text.size() != before;
  Fraction fraction;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    const std::size_t fraction_before = text.size();
    fraction = take_fraction(text);
    any_digit = any_digit || text.size() != fraction_before;
  }
  if (!any_digit) return std::nullopt;
  std::size_t name_size = 0;
  while (name_size < text.size() && text[name_size] != '.' && !is_digit(text[name_size])) {
    ++name_size;
  }
  const Unit* unit = find_unit(text.substr(0, name_size));
  if (unit == nullptr) return std::nullopt;
  text.remove_prefix(name_size);
  if (*whole > kDurationMax / unit->nanoseconds) return std::nullopt;
  __extension__ using Wide = unsigned __int128;
  const auto part =
      static_cast<std::uint64_t>(Wide{fraction.digits} * unit->nanoseconds / fraction.scale);
  const std::uint64_t value = *whole * unit->nanoseconds + part;
  if (value > kDurationMax) return std::nullopt;
  return value;
}

// value / 10^digits without trailing zeros: "1.5", "2".
void append_decimal(std::string& out, std::uint64_t value, int digits) {
  std::uint64_t scale = 1;
  for (int i = 0; i < digits; ++i) scale *= 10;
  out += std::to_string(value / scale);
  std::uint64_t rest = value % scale;
  if (rest == 0) return;
  out += '.';
  while (rest != 0) {
    scale /= 10;
    out += static_cast<char>('0' + rest / scale);
    rest %= scale;
  }
}

// digits[0].digits[1..] * 10^exponent without an exponent: the shortest digits, then zeros.
void append_fixed(std::string& out, std::string_view digits, int exponent) {
  if (exponent < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    out += digits;
    return;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  out += digits.substr(0, whole);
  if (digits.size() > whole) {
    out += '.';
    out += digits.substr(whole);
  } else {
    out.append(whole - digits.size(), '0');
  }
}

}  // namespace

void append_json_number(std::string& out, double value) {
  CHECK(std::isfinite(value));
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  CHECK(end.ec == std::errc());
  std::string_view text(buffer, static_cast<std::size_t>(end.ptr - buffer));
  if (text.starts_with('-')) {
    out += '-';
    text.remove_prefix(1);
  }
  const auto exponent_at = text.find('e');
  const std::string_view mantissa = text.substr(0, exponent_at);
  int exponent = 0;
  const bool negative = text[exponent_at + 1] == '-';
  std::from_chars(text.data() + exponent_at + 2, text.data() + text.size(), exponent);
  if (negative) exponent = -exponent;
  if (exponent >= 21 || exponent < -6) {
    out += mantissa;
    out += negative ? "e-" : "e+";
    out += std::to_string(negative ? -exponent : exponent);
    return;
  }
  std::string digits(mantissa.substr(0, 1));
  if (mantissa.size() > 2) digits += mantissa.substr(2);
  append_fixed(out, digits, exponent);
}

std::string format_duration(Duration duration) {
  const std::int64_t count = duration.count();
  if (count == 0) return "0s";
  std::string out = count < 0 ? "-" : "";
  const auto value =
      count < 0 ? ~static_cast<std::uint64_t>(count) + 1 : static_cast<std::uint64_t>(count);
  if (value < 1'000) return out + std::to_string(value) + "ns";
  if (value < 1'000'000) {
    append_decimal(out, value, 3);
    return out + "\xc2\xb5s";
  }
  if (value < 1'000'000'000) {
    append_decimal(out, value, 6);
    return out + "ms";
  }
  constexpr std::uint64_t kMinute = 60'000'000'000;
  const std::uint64_t minutes = value / kMinute;
  if (minutes >= 60) out += std::to_string(minutes / 60) + 'h';
  if (minutes > 0) out += std::to_string(minutes % 60) + 'm';
  append_decimal(out, value % kMinute, 9);
  return out + "s";
}

std::optional<Duration> parse_duration(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return Duration::zero();
  if (text.empty()) return std::nullopt;
  std::uint64_t sum = 0;
  while (!text.empty()) {
    const auto part = take_part(text);
    if (!part || *part > kDurationMax - sum) return std::nullopt;
    sum += *part;
  }
  if (negative) return Duration(static_cast<std::int64_t>(~sum + 1));
  if (sum >= kDurationMax) return std::nullopt;
  return Duration(static_cast<std::int64_t>(sum));
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
  }
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

}  // namespace lockstep::api
