// lockstep-check: judges recorded histories. Exit 0 valid, 1 invalid, 2 unknown, 3 bad input; with
// several files the worst (3, then 1, then 2). The only part of the checkers that reads a clock.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "sim/check_levels.h"
#include "sim/check_linear.h"
#include "sim/history_parse.h"

namespace lockstep::check {

namespace {

constexpr std::string_view kUsage = R"(lockstep-check [options] FILE...
Judges histories of operations recorded from clients.
  --model M         register, cas-register (default), mutex, kv, multi-register: linearizability;
                    levels: reads at each level against the log (jsonl with commit lines)
  --format F        edn, etcdlog, kvtxt, jsonl (default: by the first characters)
  --init V          value of every key at the beginning (default nil)
  --failed-cas W    edn: what a failed cas says: nothing (default), or missed: the value differed
  --time-limit S    seconds for each file, then the verdict is unknown (default 60)
  --steps-max N     the same as a number of steps of each object's search, repeatable
  --no-minimise     print the failure without looking for a smaller example
  --json            one JSON object for each file
  -h, --help        this text
Exit: 0 valid, 1 invalid, 2 unknown, 3 bad input or usage.
)";

constexpr int kBadInput = 3;

struct Options {
  std::optional<Model> model = Model::cas_register;  // nothing: levels
  std::optional<Format> format;
  Value initial;
  ParseOptions parse;
  double time_limit = 60;
  Limits limits;
  bool json = false;
  std::vector<std::string> files;
};

struct Report {
  int exit = 0;
  std::string verdict;
  std::string words;
  double parse_ms = 0;
  double check_ms = 0;
  std::string fields;  // more members of the JSON object
};

std::optional<std::optional<Model>> model_of(std::string_view name) {
  if (name == "register") return Model::reg;
  if (name == "cas-register") return Model::cas_register;
  if (name == "mutex") return Model::mutex;
  if (name == "kv") return Model::kv;
  if (name == "multi-register") return Model::multi_register;
  if (name == "levels") return std::optional<Model>();
  return std::nullopt;
}

std::optional<Format> format_of(std::string_view name) {
  if (name == "edn") return Format::edn;
  if (name == "etcdlog") return Format::etcdlog;
  if (name == "kvtxt") return Format::kvtxt;
  if (name == "jsonl") return Format::jsonl;
  return std::nullopt;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
  }
  return out + '"';
}

// An error text, or nothing.
std::optional<std::string> take_option(std::string_view name, std::string_view value,
                                       Options& options) {
  const std::string text(value);
  if (name == "--model") {
    if (value == "list-append") return "model list-append is not supported yet";
    const auto model = model_of(value);
    if (!model) return "no such model: " + text;
    options.model = *model;
  } else if (name == "--format") {
    if (value == "edn-txn") return "format edn-txn is not supported yet";
    options.format = format_of(value);
    if (!options.format) return "no such format: " + text;
  } else if (name == "--init") {
    options.initial = value == "nil" ? Value() : Value(text);
  } else if (name == "--failed-cas") {
    if (value != "nothing" && value != "missed") return "--failed-cas takes nothing or missed";
    options.parse.failed_cas_missed = value == "missed";
  } else if (name == "--time-limit" || name == "--steps-max") {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(number >= 0) || number > 1e18) {
      return fmt::format("{} takes a number, not {}", name, text);
    }
    if (name == "--time-limit") {
      options.time_limit = number;
    } else {
      options.limits.steps_max = static_cast<std::uint64_t>(number);
    }
  } else {
    return fmt::format("no such option: {}", name);
  }
  return std::nullopt;
}

double elapsed_ms(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since)
      .count();
}

Report bad_input(std::string text) {
  return {.exit = kBadInput,
          .verdict = "error",
          .words = std::move(text) + "\n",
          .parse_ms = 0,
          .check_ms = 0,
          .fields = {}};
}

Report judge_linear(const History& history, const Options& options, const Limits& limits) {
  const auto result = check_linear(history, *options.model, options.initial, limits);
  if (!result) return bad_input(result.error().text);
  Report out;
  out.verdict = verdict_name(result->verdict);
  out.exit = static_cast<int>(result->verdict);
  out.fields = fmt::format(R"(,"objects":{},"operations":{},"steps":{})", result->objects,
                           result->operations, result->steps);
  if (result->verdict == Verdict::unknown) {
    out.words = result->reason + "\n";
    out.fields += fmt::format(R"(,"reason":{})", json_string(result->reason));
  }
  if (result->failure) {
    out.words = result->failure->words;
    out.fields +=
        fmt::format(R"(,"key":{},"failed_operation":{},"core":[{}],"words":{})",
                    json_string(result->failure->object), result->failure->failed,
                    fmt::join(result->failure->core, ","), json_string(result->failure->words));
  }
  return out;
}

Report judge_levels(const History& history, const Options& options) {
  const auto result = check_levels(history, options.initial);
  if (!result) return bad_input(result.error().text);
  Report out;
  out.exit = result->violation_count == 0 ? 0 : 1;
  out.verdict = out.exit == 0 ? "valid" : "invalid";
  out.words = describe(*result);
  out.fields = fmt::format(R"(,"violations":{},"words":{})", result->violation_count,
                           json_string(out.words));
  return out;
}

Report judge_file(const std::string& file, const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  std::ifstream in(file, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  if (!in) return bad_input("cannot read the file");
  const std::string text = bytes.str();
  ParseOptions parse = options.parse;
  // Where the object never is nil, a read of nil is one whose result was not recorded.
  parse.nil_reads_unknown = options.initial.has_value();
  const auto history = parse_history(text, options.format.value_or(guess_format(text)), parse);
  if (!history) return bad_input(history.error().text);
  const double parse_ms = elapsed_ms(start);

  const auto begin = std::chrono::steady_clock::now();
  Limits limits = options.limits;
  limits.stop = [begin, seconds = options.time_limit] {
    return elapsed_ms(begin) > 1000 * seconds;
  };
  Report out =
      options.model ? judge_linear(*history, options, limits) : judge_levels(*history, options);
  out.parse_ms = parse_ms;
  out.check_ms = elapsed_ms(begin);
  return out;
}

int run(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (argument == "-h" || argument == "--help") {
      fmt::print("{}", kUsage);
      return 0;
    }
    if (argument == "--json") {
      options.json = true;
    } else if (argument == "--no-minimise") {
      options.limits.minimise_steps_max = 0;
    } else if (argument.starts_with("--")) {
      const std::size_t equals = argument.find('=');
      std::string_view value;
      if (equals != std::string_view::npos) {
        value = argument.substr(equals + 1);
        argument = argument.substr(0, equals);
      } else if (i + 1 < argc) {
        value = argv[++i];
      }
      if (const auto error = take_option(argument, value, options)) {
        fmt::print(stderr, "lockstep-check: {}\n{}", *error, kUsage);
        return kBadInput;
      }
    } else {
      options.files.emplace_back(argument);
    }
  }
  if (options.files.empty()) {
    fmt::print(stderr, "{}", kUsage);
    return kBadInput;
  }
  int worst = 0;
  const auto severity = [](int exit) { return exit == 3 ? 3 : exit == 1 ? 2 : exit == 2 ? 1 : 0; };
  for (const std::string& file : options.files) {
    const Report report = judge_file(file, options);
    if (severity(report.exit) > severity(worst)) worst = report.exit;
    if (options.json) {
      fmt::print(R"({{"file":{},"verdict":"{}","parse_ms":{:.3f},"check_ms":{:.3f}{})",
                 json_string(file), report.verdict, report.parse_ms, report.check_ms,
                 report.fields);
      if (report.exit == kBadInput) fmt::print(R"(,"error":{})", json_string(report.words));
      fmt::print("}}\n");
    } else {
      fmt::print("{}: {}\n{}", file, report.verdict, report.words);
    }
  }
  return worst;
}

}  // namespace

}  // namespace lockstep::check

int main(int argc, char** argv) {
  return lockstep::check::run(argc, argv);
}
