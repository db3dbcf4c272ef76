// lockstep-sim: runs seeds of the simulated world and says whether any promise was broken.
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/bugs.h"
#include "sim/report.h"
#include "sim/sim_options.h"
#include "sim/sweep.h"

namespace {

using namespace lockstep;

void list_bugs() {
  for (const Bug bug : all_bugs()) {
    fmt::print("{:26} {}\n", bug_name(bug), bug_story(bug));
  }
}

int run(const sim::SimOptions& options) {
  if (options.bug != Bug::none) switch_bug_on(options.bug);
  const bool shows_progress = !options.single && sim::has_terminal();
  sim::SweepReport sum;
  sim::run_sweep(options, [&](const sim::SeedReport& report) {
    sum.add(report);
    if (options.single) fmt::print("{}", sim::describe(report));
    if (shows_progress && sum.seeds % 10 == 0) {
      fmt::print("\r{} of {} seeds, {} violated", sum.seeds,
                 options.last_seed - options.first_seed + 1, sum.violated);
      std::fflush(stdout);
    }
    // With a bug switched on, one finding is what was asked for.
    return options.bug == Bug::none || !report.violation;
  });
  if (shows_progress) fmt::print("\r");
  if (!options.single) fmt::print("{}", sim::describe(sum));
  if (!sum.first_violated) return 0;
  fmt::print("{}", sim::describe_violation(*sum.first_violated, options));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = sim::parse_sim_options(std::vector<std::string>(argv + 1, argv + argc));
  if (!options) {
    fmt::print(stderr, "lockstep-sim: {}\n{}", options.error().text, sim::sim_usage());
    return 2;
  }
  if (options->help) {
    fmt::print("{}", sim::sim_usage());
    return 0;
  }
  if (options->list_bugs) {
    list_bugs();
    return 0;
  }
  return run(*options);
}
