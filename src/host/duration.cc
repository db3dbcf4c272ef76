#include "host/duration.h"

#include <array>
#include <cstdint>
#include <limits>
#include <utility>

namespace lockstep::host {

namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

// Longest names first where one is a prefix of another ("ms" before "m").
constexpr std::array<std::pair<std::string_view, std::int64_t>, 8> kUnits{{
    {"ns", 1},
    {"us", 1'000},
    {"µs", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
    {"μs", 1'000},  // the Greek letter; Go takes both
}};

bool digit(char c) {
  return c >= '0' && c <= '9';
}

// Eats digits; false on overflow.
bool eat_digits(std::string_view& text, std::int64_t& value, std::int64_t& scale) {
  while (!text.empty() && digit(text.front())) {
    const std::int64_t d = text.front() - '0';
    if (value > (kMax - d) / 10) return false;
    value = value * 10 + d;
    if (scale > 0) {
      if (scale > kMax / 10) return false;
      scale *= 10;
    }
    text.remove_prefix(1);
  }
  return true;
}

std::int64_t eat_unit(std::string_view& text) {
  for (const auto& [name, nanos] : kUnits) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    return nanos;
  }
  return 0;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const auto bad = [&] {
    return fail(Errc::invalid, "\"" + std::string(text) + "\" is not a valid duration");
  };
  std::string_view rest = text;
  if (rest == "0") return Duration{};
  if (rest.empty()) return bad();
  std::int64_t total = 0;
  while (!rest.empty()) {
    if (!digit(rest.front()) && rest.front() != '.') return bad();
    const bool starts_with_digit = digit(rest.front());
    std::int64_t whole = 0;
    std::int64_t no_scale = 0;
    if (!eat_digits(rest, whole, no_scale)) return bad();
    std::int64_t fraction = 0;
    std::int64_t scale = 1;
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      const std::size_t before = rest.size();
      if (!eat_digits(rest, fraction, scale)) return bad();
      if (!starts_with_digit && rest.size() == before) return bad();
    }
    const std::int64_t unit = eat_unit(rest);
    if (unit == 0 || whole > kMax / unit) return bad();
    const auto part = static_cast<std::int64_t>(static_cast<__int128>(fraction) * unit / scale);
    if (whole * unit > kMax - part || whole * unit + part > kMax - total) return bad();
    total += whole * unit + part;
  }
  return Duration(total);
}

std::string to_string(Duration duration) {
  const std::int64_t ns = duration.count();
  if (ns == 0) return "0s";
  const auto decimal = [](std::int64_t value, std::int64_t unit) {
    std::string text = std::to_string(value / unit);
    std::int64_t rest = value % unit;
    if (rest == 0) return text;
    text += '.';
    for (std::int64_t place = unit / 10; rest > 0; place /= 10) {
      text += static_cast<char>('0' + rest / place);
      rest %= place;
    }
    return text;
  };
  if (ns < 1'000) return std::to_string(ns) + "ns";
  if (ns < 1'000'000) return decimal(ns, 1'000) + "µs";
  if (ns < 1'000'000'000) return decimal(ns, 1'000'000) + "ms";
  const std::int64_t minutes = ns / 60'000'000'000;
  std::string text = decimal(ns % 60'000'000'000, 1'000'000'000) + "s";
  if (minutes > 0) text = std::to_string(minutes % 60) + "m" + text;
  if (minutes >= 60) text = std::to_string(minutes / 60) + "h" + text;
  return text;
}

}  // namespace lockstep::host
