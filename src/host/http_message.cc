#include "host/http_message.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace lockstep::host {

namespace {

constexpr std::size_t kJoinedBodyMax = 16u << 10;

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

// Every answer passes here: one look at each byte, no search for a set.
bool breaks_a_line(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

void append_headers(std::string& out, const api::Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (breaks_a_line(name) || breaks_a_line(value)) continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
}

}  // namespace

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Request Entity Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

void append_response_head(std::string& out, const api::Response& response,
                          const HeadOptions& options) {
  out.append("HTTP/1.1 ");
  append_number(out, response.status);
  out.append(" ").append(reason_phrase(response.status)).append("\r\n");
  if (response.common) append_headers(out, *response.common);
  append_headers(out, response.headers);
  out.append("Date: ").append(options.date).append("\r\nContent-Length: ");
  append_number(out, response.body.size());
  out.append("\r\n");
  if (!options.keep_alive) out.append("Connection: close\r\n");
  if (options.keep_alive && options.http_1_0) out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
}

void ResponseBytes::set(api::Response response, const HeadOptions& options, bool head_only) {
  if (response.status == 204 || response.status == 304) response.body.clear();
  head.clear();
  body.clear();
  append_response_head(head, response, options);
  if (head_only) return;
  if (response.body.size() <= kJoinedBodyMax) {
    head += response.body;
  } else {
    body = std::move(response.body);
  }
}

std::string http_date(std::int64_t unix_seconds) {
  constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const time_t t = unix_seconds;
  tm parts{};
  (void)::gmtime_r(&t, &parts);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                     kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string_view DateLine::now() {
  const std::int64_t now = ::time(nullptr);
  if (now != second_) text_ = http_date(now);
  second_ = now;
  return text_;
}

api::Response text_response(unsigned status, std::string_view text) {
  return {.status = status,
          .headers = {{"Content-Type", "text/plain; charset=utf-8"},
                      {"X-Content-Type-Options", "nosniff"}},
          .body = std::string(text) + "\n"};
}

}  // namespace lockstep::host
