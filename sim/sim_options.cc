#include "sim/sim_options.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

namespace lockstep::sim {
namespace {

std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

Status set_seeds(std::string_view text, SimOptions& options) {
  const auto dots = text.find("..");
  const auto first = to_number(text.substr(0, dots));
  const auto last = dots == std::string_view::npos ? first : to_number(text.substr(dots + 2));
  if (!first || !last || *last < *first) {
    return fail(Errc::invalid, fmt::format("--seeds {}: give a range such as 1..1000", text));
  }
  options.first_seed = *first;
  options.last_seed = *last;
  return {};
}

// Options that take a value.
Status set_value(std::string_view name, std::string_view value, SimOptions& options) {
  if (name == "--seeds") return set_seeds(value, options);
  if (name == "--bug") {
    const auto bug = bug_from_name(value);
    if (!bug) return fail(Errc::invalid, fmt::format("--bug {}: unknown; see --list-bugs", value));
    options.bug = *bug;
    return {};
  }
  const auto number = to_number(value);
  if (!number) return fail(Errc::invalid, fmt::format("{} {}: not a number", name, value));
  if (name == "--seed") {
    options.single = true;
    options.first_seed = options.last_seed = *number;
    return {};
  }
  if (*number == 0 || *number > 1'000'000) {
    return fail(Errc::invalid, fmt::format("{} {}: out of range", name, value));
  }
  const auto small = static_cast<unsigned>(*number);
  if (name == "--jobs") options.jobs = small;
  if (name == "--scale") options.scale = small;
  if (name == "--limit") options.limit_s = small;
  return {};
}

bool takes_value(std::string_view name) {
  return name == "--seed" || name == "--seeds" || name == "--jobs" || name == "--bug" ||
         name == "--scale" || name == "--limit";
}

}  // namespace

Result<SimOptions> parse_sim_options(const std::vector<std::string>& arguments) {
  SimOptions options;
  bool seeds_given = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    std::optional<std::string> value;
    if (const auto equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    if (takes_value(name)) {
      if (!value && i + 1 == arguments.size()) {
        return fail(Errc::invalid, name + " needs a value");
      }
      if (!value) value = arguments[++i];
      TRY(set_value(name, *value, options));
      seeds_given = seeds_given || name == "--seed" || name == "--seeds";
    } else if (!value && (name == "-h" || name == "--help")) {
      options.help = true;
    } else if (!value && name == "--list-bugs") {
      options.list_bugs = true;
    } else if (!value && name == "--verbose") {
      options.verbose = true;
    } else if (!value && name == "--twice") {
      options.twice = true;
    } else {
      return fail(Errc::invalid, "unknown option " + arguments[i]);
    }
  }
  if (!seeds_given && !options.help && !options.list_bugs) {
    return fail(Errc::invalid, "give --seed N or --seeds A..B");
  }
  if (options.verbose && !options.single) {
    return fail(Errc::invalid, "--verbose goes with --seed");
  }
  return options;
}

std::string_view sim_usage() {
  return R"(usage: lockstep-sim --seed N [--verbose]
       lockstep-sim --seeds A..B [--jobs N] [--twice] [--bug NAME]

Runs clusters of real nodes in a simulated world that breaks network, disks, clocks and processes,
and judges what their clients saw. One seed is one world; the same seed is always the same run.

  --seed N       run one seed and tell about it; the last line is its trace hash
  --seeds A..B   run all seeds from A to B
  --jobs N       use N processes (default: one per processor)
  --twice        run each seed twice; both runs must have the same trace hash
  --bug NAME     switch on a known bug; the sweep ends when it is found
  --list-bugs    the known bugs
  --scale N      make every run N times longer
  --limit S      give a seed S seconds of real time (default 60)
  --verbose      with --seed: tell every event on standard error
  -h, --help     this text

Exit status: 0 no violation, 1 a violation (its seed and how to replay it come last), 2 bad usage.
)";
}

std::string replay_command(const SimOptions& options, std::uint64_t seed) {
  std::string command = fmt::format("lockstep-sim --seed {}", seed);
  if (options.bug != Bug::none) command += fmt::format(" --bug {}", bug_name(options.bug));
  if (options.scale != 1) command += fmt::format(" --scale {}", options.scale);
  if (options.twice) command += " --twice";
  return command;
}

}  // namespace lockstep::sim
