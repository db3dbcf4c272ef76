// Words for a failure: which operation could not be next, what the object could be at that moment,
// and why each open operation does not help.
#include "sim/check_explain.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace lockstep::check {

namespace {

constexpr std::size_t kLinesMax = 12;

std::string subject(const Complaint& complaint) {
  return complaint.part.object.empty() ? "" : fmt::format("Key {}: ", complaint.part.object);
}

std::string possible_states(const Problem& problem, const std::vector<Stuck>& stuck) {
  std::set<std::string> states;
  for (const Stuck& s : stuck) states.insert(problem.describe_state(s.state));
  std::string out;
  std::size_t shown = 0;
  for (const std::string& s : states) {
    if (shown++ == kLinesMax) {
      out += fmt::format(", or one of {} more", states.size() - kLinesMax);
      break;
    }
    out += (out.empty() ? "" : ", or ") + s;
  }
  return out;
}

// One line for each operation open at the failure: what it would need.
std::string open_operations(const Complaint& complaint, const Problem& problem,
                            const Judged& judged) {
  const Position& p = problem.positions[judged.failed_at];
  std::string out;
  std::size_t shown = 0;
  const auto line = [&](const Candidate& c) {
    if (c.step == judged.failed_step || shown++ >= kLinesMax) return;
    const Operation& o = complaint.history.operations[problem.operations[c.step]];
    std::string need;
    if (c.code == Code::cas) need = ": needs " + problem.describe_state(c.a);
    out += fmt::format("  open then: {}{}\n", describe(o, complaint.history.unit), need);
  };
  for (std::uint32_t i = p.writers_begin; i < p.writers_end; ++i) line(problem.writers[i]);
  for (std::uint32_t i = p.readers_begin; i < p.readers_end; ++i) line(problem.readers[i]);
  if (shown > kLinesMax) out += fmt::format("  and {} more\n", shown - kLinesMax);
  return out;
}

std::string list_core(const Complaint& complaint, const Counterexample& example) {
  std::string out;
  std::vector<std::uint32_t> order = example.core;
  std::ranges::sort(order, {}, [&](std::uint32_t i) {
    return std::pair(complaint.history.operations[i].called, i);
  });
  out += fmt::format("Operations that show it ({}):\n", order.size());
  const std::size_t skipped = order.size() > 2 * kLinesMax ? order.size() - 2 * kLinesMax : 0;
  if (skipped > 0) out += fmt::format("  ... {} earlier ones\n", skipped);
  for (std::size_t i = skipped; i < order.size(); ++i) {
    const Operation& o = complaint.history.operations[order[i]];
    out += fmt::format("  {} {}\n", order[i] == example.failed ? '*' : ' ',
                       describe(o, complaint.history.unit));
  }
  return out;
}

}  // namespace

Counterexample explain_made_up(const Complaint& complaint, std::uint32_t operation) {
  Counterexample out{.object = complaint.part.object, .failed = operation, .core = {}, .words = {}};
  out.core.push_back(operation);
  const Operation& seen = complaint.history.operations[operation];
  out.words = fmt::format("{}{}.\nNobody can have written what it saw: no write of it had begun.\n",
                          subject(complaint), describe(seen, complaint.history.unit));
  return out;
}

Counterexample explain(const Complaint& complaint, const Problem& problem, const Judged& judged,
                       const std::vector<Stuck>& stuck) {
  Counterexample out{.object = complaint.part.object,
                     .failed = problem.operations[judged.failed_step],
                     .core = {},
                     .words = {}};
  std::uint64_t spent = 0;
  out.core = minimise(complaint, out.failed, spent);
  const Operation& failed = complaint.history.operations[out.failed];
  out.words = fmt::format("{}{}\nfits in no order of the operations before it.\n",
                          subject(complaint), describe(failed, complaint.history.unit));
  out.words += fmt::format("When it returned the state could only be: {}\n",
                           possible_states(problem, stuck));
  out.words += open_operations(complaint, problem, judged);
  out.words += list_core(complaint, out);
  return out;
}

}  // namespace lockstep::check
