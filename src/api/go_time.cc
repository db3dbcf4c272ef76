#include "api/go_time.h"

#include <optional>

namespace lockstep::api {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::string_view kZeroTime = "0001-01-01T00:00:00Z";

struct DateTime {
  std::int64_t year = 0;
  unsigned month = 1, day = 1, hour = 0, minute = 0, second = 0;
  std::uint32_t nanosecond = 0;
  int offset_minutes = 0;
};

void append_padded(std::string& out, std::uint64_t value, std::size_t width) {
  const std::string digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

void append_fraction(std::string& out, std::uint32_t nanosecond) {
  if (nanosecond == 0) return;
  std::string digits;
  append_padded(digits, nanosecond, 9);
  while (digits.back() == '0') digits.pop_back();
  out += '.';
  out += digits;
}

void append_offset(std::string& out, int minutes) {
  if (minutes == 0) {
    out += 'Z';
    return;
  }
  out += minutes < 0 ? '-' : '+';
  const auto magnitude = static_cast<unsigned>(minutes < 0 ? -minutes : minutes);
  append_padded(out, magnitude / 60, 2);
  out += ':';
  append_padded(out, magnitude % 60, 2);
}

std::string print(const DateTime& t) {
  std::string out = t.year < 0 ? "-" : "";
  append_padded(out, static_cast<std::uint64_t>(t.year < 0 ? -t.year : t.year), 4);
  const std::pair<char, unsigned> fields[] = {
      {'-', t.month}, {'-', t.day}, {'T', t.hour}, {':', t.minute}, {':', t.second}};
  for (const auto& [separator, value] : fields) {
    out += separator;
    append_padded(out, value, 2);
  }
  append_fraction(out, t.nanosecond);
  append_offset(out, t.offset_minutes);
  return out;
}

// Days since 1970-01-01 to a date of the proleptic Gregorian calendar (Hinnant, "chrono-Compatible
// Low-Level Date Algorithms").
void set_date(DateTime& t, std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted_month = (5 * day_of_year + 2) / 153;
  t.day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  t.month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  t.year = static_cast<std::int64_t>(year_of_era) + era * 400 + (t.month <= 2 ? 1 : 0);
}

unsigned days_in(unsigned month, std::int64_t year) {
  constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Reads one text from left to right; ok() turns false at the first thing that does not fit.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] char peek(std::size_t at = 0) const { return at < rest_.size() ? rest_[at] : '\0'; }

  unsigned digits(std::size_t count) {
    unsigned value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_digit(peek())) {
        ok_ = false;
        return 0;
      }
      value = value * 10 + static_cast<unsigned>(rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  void literal(char c) {
    if (rest_.empty() || rest_.front() != c) {
      ok_ = false;
    } else {
      rest_.remove_prefix(1);
    }
  }
  void skip_spaces() {
    while (peek() == ' ') rest_.remove_prefix(1);
  }
  // ".123" or ",123"; digits beyond the ninth are dropped. Nothing there: 0.
  std::uint32_t fraction() {
    if ((peek() != '.' && peek() != ',') || !is_digit(peek(1))) return 0;
    rest_.remove_prefix(1);
    std::uint32_t value = 0;
    std::uint32_t weight = 100'000'000;
    while (is_digit(peek())) {
      value += weight * static_cast<std::uint32_t>(rest_.front() - '0');
      weight /= 10;
      rest_.remove_prefix(1);
    }
    return value;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

int scan_offset(Scanner& in) {
  const bool negative = in.peek() == '-';
  in.literal(negative ? '-' : '+');
  const unsigned hours = in.digits(2);
  in.literal(':');
  const unsigned minutes = in.digits(2);
  if (hours > 24 || minutes > 60) in.literal('\n');  // out of range: fail
  const int sum = static_cast<int>(hours * 60 + minutes);
  return negative ? -sum : sum;
}

void scan_time_of_day(Scanner& in, DateTime& t) {
  t.hour = in.digits(is_digit(in.peek(1)) ? 2 : 1);
  in.literal(':');
  t.minute = in.digits(2);
  if (in.at_end()) return;
  in.literal(':');
  t.second = in.digits(2);
  t.nanosecond = in.fraction();
  if (!in.at_end()) t.offset_minutes = scan_offset(in);
}

std::optional<DateTime> scan(std::string_view text) {
  Scanner in(text);
  DateTime t;
  t.year = in.digits(4);
  in.literal('-');
  t.month = in.digits(2);
  in.literal('-');
  t.day = in.digits(2);
  if (in.ok() && !in.at_end()) {
    if (in.peek() == ' ') {
      in.skip_spaces();
    } else {
      in.literal('T');
    }
    scan_time_of_day(in, t);
  }
  if (!in.ok() || !in.at_end()) return std::nullopt;
  if (t.month < 1 || t.month > 12 || t.day < 1 || t.day > days_in(t.month, t.year)) {
    return std::nullopt;
  }
  if (t.hour > 23 || t.minute > 59 || t.second > 59) return std::nullopt;
  return t;
}

}  // namespace

std::string format_rfc3339(std::int64_t unix_seconds, std::uint32_t nanoseconds) {
  std::int64_t days = unix_seconds / kSecondsPerDay;
  std::int64_t in_day = unix_seconds % kSecondsPerDay;
  if (in_day < 0) {
    in_day += kSecondsPerDay;
    --days;
  }
  DateTime t;
  set_date(t, days);
  t.hour = static_cast<unsigned>(in_day / 3600);
  t.minute = static_cast<unsigned>(in_day / 60 % 60);
  t.second = static_cast<unsigned>(in_day % 60);
  t.nanosecond = nanoseconds;
  return print(t);
}

std::string timestamp_from_integer(std::int64_t value) {
  constexpr std::int64_t kMillisecondsFrom = 1'000'000'000'000;
  if (value <= kMillisecondsFrom && value >= -kMillisecondsFrom) return format_rfc3339(value, 0);
  // The driver multiplies to nanoseconds and lets 64 bits wrap; so do we, for the same answer.
  const auto nanoseconds =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(value) * std::uint64_t{1'000'000});
  std::int64_t second = nanoseconds / 1'000'000'000;
  std::int64_t rest = nanoseconds % 1'000'000'000;
  if (rest < 0) {
    rest += 1'000'000'000;
    --second;
  }
  return format_rfc3339(second, static_cast<std::uint32_t>(rest));
}

std::string timestamp_from_text(std::string_view text) {
  if (text.ends_with('Z')) text.remove_suffix(1);
  const auto t = scan(text);
  return t ? print(*t) : std::string(kZeroTime);
}

}  // namespace lockstep::api
