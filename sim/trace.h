// Trace: what happened in a simulated run, in order, as a running hash, and as text for a person
// who replays one seed. The hash covers every event, message, disk operation and answer: two runs
// of one seed must agree in it, whatever compiler or sanitizer built them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/time.h"

namespace lockstep::sim {

class Trace {
 public:
  // Called with one complete line when text is wanted.
  using Sink = std::function<void(std::string_view line)>;

  void want_text(Sink sink) { sink_ = std::move(sink); }
  [[nodiscard]] bool has_text() const { return static_cast<bool>(sink_); }

  // The virtual time that the next records belong to.
  void set_time(TimePoint now);
  // Records a fact of the run: a literal name and two numbers.
  void add(std::string_view what, std::uint64_t a = 0, std::uint64_t b = 0);
  // Records bytes: a frame, a page written, an answer.
  void add_bytes(std::string_view what, std::uint64_t number, std::string_view bytes);
  // Text only; not hashed. Callers build the text only if has_text().
  void say(std::string_view text);

  [[nodiscard]] std::uint64_t hash() const { return hash_.value(); }
  [[nodiscard]] std::uint64_t records() const { return records_; }

 private:
  RunningHash hash_;
  std::uint64_t records_ = 0;
  TimePoint now_{};
  Sink sink_;
};

// "12.345678": seconds of virtual time, for lines that people read.
std::string seconds_text(TimePoint time);

}  // namespace lockstep::sim
