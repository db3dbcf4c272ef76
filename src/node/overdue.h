// Overdue: lets whoever waits say so. A node that gets no further without something from outside (a
// peer's answer, room on the disk, the end of a read) is no different from one that hangs, for the
// operator, unless its log names what it waits for. Turns only.
#pragma once

#include <optional>
#include <string>

#include "env/env.h"

namespace lockstep::node {

class Overdue {
 public:
  // `module`: a short literal, as for LogSink.
  Overdue(const env::Env& env, std::string module);

  // It still waits, for `what`: a line, once this has been called for ten seconds, and once a
  // minute from then on. To be called again and again.
  void waits(const std::string& what);
  // It waits no more.
  void over() { say_at_.reset(); }

 private:
  env::Clock& clock_;
  LogSink& log_;
  const std::string module_;
  std::optional<TimePoint> say_at_;  // empty: it does not wait
};

}  // namespace lockstep::node
