#include "sim/trace.h"

#include <fmt/format.h>

namespace lockstep::sim {

void Trace::set_time(TimePoint now) {
  // Two runs that should be one are told apart at the first event that differs.
  if (sink_) say(fmt::format("hash {:016x}", hash_.value()));
  now_ = now;
  hash_.add(static_cast<std::uint64_t>(now.time_since_epoch().count()));
}

void Trace::add(std::string_view what, std::uint64_t a, std::uint64_t b) {
  hash_.add(what);
  hash_.add(a);
  hash_.add(b);
  ++records_;
}

void Trace::add_bytes(std::string_view what, std::uint64_t number, std::string_view bytes) {
  hash_.add(what);
  hash_.add(number);
  hash_.add(bytes);
  ++records_;
}

void Trace::say(std::string_view text) {
  if (sink_) sink_(fmt::format("{} {}", seconds_text(now_), text));
}

std::string seconds_text(TimePoint time) {
  const auto us = std::chrono::duration_cast<microseconds>(time.time_since_epoch()).count();
  return fmt::format("{}.{:06}", us / 1'000'000, us % 1'000'000);
}

}  // namespace lockstep::sim
