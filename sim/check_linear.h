// Linearizability: is there one order of all operations that respects real time and that the model
// accepts? Objects are judged one by one (Herlihy and Wing's locality), each by two exact searches
// in turn with growing budgets. A verdict valid or invalid is proven; what does not fit the limits
// is unknown, with the reason, and never valid.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sim/check_problem.h"
#include "sim/history.h"

namespace lockstep::check {

enum class Verdict { valid, invalid, unknown };
const char* verdict_name(Verdict verdict);

struct Limits {
  std::uint64_t steps_max = 2'000'000'000;        // per object; about 10 to 30 ns each
  std::uint64_t configurations_max = 8'000'000;   // per object; about 40 bytes each
  std::uint64_t minimise_steps_max = 20'000'000;  // 0: counterexamples are not made smaller
  std::function<bool()> stop;                     // a deadline, if the caller has a clock
};

struct Counterexample {
  std::string object;               // the key
  std::uint32_t failed = 0;         // the operation (of the history) that could not be next
  std::vector<std::uint32_t> core;  // a few operations that cannot be ordered, `failed` included
  std::string words;                // for people, several lines
};

struct LinearResult {
  Verdict verdict = Verdict::valid;
  std::string reason;                     // unknown: which limit was hit
  std::optional<Counterexample> failure;  // invalid
  std::uint64_t steps = 0;
  std::size_t objects = 0;
  std::size_t operations = 0;  // that took part in a search
};

// `initial`: the value of every key before the first write (kv: nothing is the empty string).
// invalid: the history has operations that the model does not know, or ones that end before they
// begin.
Result<LinearResult> check_linear(const History& history, Model model, const Value& initial,
                                  const Limits& limits = {});

// One search race, without words; the building block of check_linear and of minimising.
struct Judged {
  Verdict verdict = Verdict::valid;
  std::uint32_t failed_step = 0;  // invalid: step of the problem
  std::uint32_t failed_at = 0;    // its position
  std::uint64_t steps = 0;
  std::string reason;
};
struct Stuck;
Judged judge(const Problem& problem, const Limits& limits, std::vector<Stuck>* stuck);

}  // namespace lockstep::check
