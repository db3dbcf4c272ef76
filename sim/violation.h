// Violation: the first broken promise of a run. One is enough: what follows a broken promise proves
// nothing.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"

namespace lockstep::sim {

struct Violation {
  std::string rule;  // short and fixed: "two leaders in one term"
  std::string text;  // one line: who, what, which index
  TimePoint when{};  // virtual time
};

class Violations {
 public:
  void report(TimePoint when, std::string rule, std::string text) {
    if (!first_) first_ = Violation{std::move(rule), std::move(text), when};
  }
  [[nodiscard]] bool any() const { return first_.has_value(); }
  [[nodiscard]] const std::optional<Violation>& first() const { return first_; }

 private:
  std::optional<Violation> first_;
};

}  // namespace lockstep::sim
