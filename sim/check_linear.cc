// The race of the two searches, and the walk over objects.
#include "sim/check_linear.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "sim/check_explain.h"
#include "sim/check_search.h"

namespace lockstep::check {

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::valid:
      return "valid";
    case Verdict::invalid:
      return "invalid";
    case Verdict::unknown:
      return "unknown";
  }
  return "";
}

Judged judge(const Problem& problem, const Limits& limits, std::vector<Stuck>* stuck) {
  Judged out;
  if (problem.slots.all > kSlotsMax) {
    out.verdict = Verdict::unknown;
    out.reason = fmt::format("{} operations are open at once, at most {} are searched",
                             problem.slots.all, kSlotsMax);
    return out;
  }
  // Depth first first: a legal history rarely needs more than a few steps for an operation. Each
  // round has four times the budget of the one before, so that at most a third is lost.
  Budget budget{.steps = 32 * problem.positions.size() + 1024,
                .configurations = limits.configurations_max,
                .stop = limits.stop};
  for (bool depth = true;; depth = !depth) {
    budget.steps = std::min(budget.steps, limits.steps_max - out.steps);
    Search search = depth ? search_depth(problem, budget) : search_breadth(problem, budget);
    out.steps += search.steps;
    if (search.found == Found::legal) return out;
    if (search.found == Found::illegal) {
      out.verdict = Verdict::invalid;
      out.failed_at = search.failed_at;
      out.failed_step = problem.positions[search.failed_at].step;
      if (stuck != nullptr) *stuck = std::move(search.stuck);
      return out;
    }
    if (out.steps >= limits.steps_max || (limits.stop && limits.stop())) {
      out.verdict = Verdict::unknown;
      out.reason = fmt::format("no answer after {} steps", out.steps);
      return out;
    }
    const bool out_of_room = search.steps < budget.steps;
    if (out_of_room && !depth) {
      out.verdict = Verdict::unknown;
      out.reason = fmt::format("more than {} configurations", limits.configurations_max);
      return out;
    }
    budget.steps *= 4;
  }
}

namespace {

bool ends_before(const History& history, const Problem& problem, const Judged& judged,
                 std::uint32_t other) {
  const std::uint32_t failed = problem.operations[judged.failed_step];
  return history.operations[failed].returned < history.operations[other].returned;
}

// One object. Values out of nowhere are looked for only where a short search finds no order: there
// a long search could only confirm what is plain.
void judge_part(const Complaint& complaint, const Problem& problem, LinearResult& out) {
  const Part& part = complaint.part;
  Limits quick = complaint.limits;
  quick.steps_max = std::min(quick.steps_max, 64 * part.operations.size() + 4096);
  std::vector<Stuck> stuck;
  Judged judged = judge(problem, quick, &stuck);
  out.steps += judged.steps;
  if (judged.verdict == Verdict::valid) return;

  const auto made_up =
      find_made_up(complaint.history, part.operations, complaint.model, complaint.initial);
  if (!made_up && judged.verdict == Verdict::unknown && problem.slots.all <= kSlotsMax) {
    judged = judge(problem, complaint.limits, &stuck);
    out.steps += judged.steps;
    if (judged.verdict == Verdict::valid) return;
  }
  if (!made_up && judged.verdict == Verdict::unknown) {
    out.verdict = Verdict::unknown;
    out.reason =
        part.object.empty() ? judged.reason : fmt::format("{}: {}", part.object, judged.reason);
    return;
  }
  out.verdict = Verdict::invalid;
  out.reason.clear();
  const bool earlier = judged.verdict == Verdict::invalid &&
                       (!made_up || ends_before(complaint.history, problem, judged, *made_up));
  out.failure =
      earlier ? explain(complaint, problem, judged, stuck) : explain_made_up(complaint, *made_up);
}

}  // namespace

Result<LinearResult> check_linear(const History& history, Model model, const Value& initial,
                                  const Limits& limits) {
  for (const Operation& o : history.operations) {
    if (o.returned < o.called || (o.outcome == Outcome::ok && o.returned == kOpen)) {
      return fail(Errc::invalid, "an operation ends before it begins, or is ok without an end: " +
                                     describe(o, history.unit));
    }
  }
  LinearResult out;
  for (const Part& part : split(history, model)) {
    ++out.objects;
    TRY_ASSIGN(const Problem problem, compile(history, part, model, initial));
    out.operations += problem.operations.size();
    const Complaint complaint{
        .history = history, .part = part, .model = model, .initial = initial, .limits = limits};
    judge_part(complaint, problem, out);
    if (out.verdict == Verdict::invalid) break;
  }
  return out;
}

}  // namespace lockstep::check
