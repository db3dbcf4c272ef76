#include "host/flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <iterator>
#include <optional>

#include "host/address.h"
#include "host/config_check.h"
#include "host/duration.h"

namespace lockstep::host {

namespace {

using Text = std::string_view;

// Setters return what is wrong with the value, or nothing.
using Trouble = std::optional<std::string>;

struct Flag {
  Text name;
  Text argument;  // "" for booleans
  Text meaning;
  std::function<Trouble(Config&, Text)> set;
  std::function<std::string(const Config&)> show;  // the default; "" is not shown
};

Flag text(Text name, Text argument, Text meaning, std::string Config::* member) {
  return {name, argument, meaning,
          [member](Config& config, Text value) -> Trouble {
            config.*member = value;
            return {};
          },
          [member](const Config& config) { return config.*member; }};
}

Flag number(Text name, Text meaning, std::uint64_t Config::* member) {
  return {name, "n", meaning,
          [member](Config& config, Text value) -> Trouble {
            std::uint64_t n = 0;
            const auto [end, error] = std::from_chars(value.begin(), value.end(), n);
            if (error != std::errc() || end != value.end() || value.empty())
              return fmt::format("\"{}\" is not a valid number", value);
            config.*member = n;
            return {};
          },
          [member](const Config& config) { return std::to_string(config.*member); }};
}

Flag duration(Text name, Text meaning, Duration Config::* member) {
  return {name, "duration", meaning,
          [member](Config& config, Text value) -> Trouble {
            const auto parsed = parse_duration(value);
            if (!parsed) return parsed.error().text;
            config.*member = *parsed;
            return {};
          },
          [member](const Config& config) { return to_string(config.*member); }};
}

std::optional<bool> parse_boolean(Text value) {
  constexpr std::array<Text, 6> kTrue{"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::array<Text, 6> kFalse{"0", "f", "F", "false", "FALSE", "False"};
  if (std::ranges::find(kTrue, value) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, value) != kFalse.end()) return false;
  return std::nullopt;
}
std::string not_boolean(Text value) {
  return fmt::format("\"{}\" is neither true nor false", value);
}

Flag boolean(Text name, Text meaning, bool Config::* member) {
  return {name, "", meaning,
          [member](Config& config, Text value) -> Trouble {
            const auto parsed = parse_boolean(value);
            if (!parsed) return not_boolean(value);
            config.*member = *parsed;
            return {};
          },
          [member](const Config& config) { return config.*member ? "true" : "false"; }};
}

// As `duration`, but 0 can only be had by leaving the flag out.
Flag patience(Text name, Text meaning, Duration Config::* member) {
  Flag flag = duration(name, meaning, member);
  flag.set = [set = flag.set, member](Config& config, Text value) -> Trouble {
    if (auto trouble = set(config, value)) return trouble;
    if (config.*member <= Duration{}) return "must be greater than 0";
    return {};
  };
  flag.show = [](const Config&) { return std::string("never"); };
  return flag;
}

// The flag's older name.
Flag alias(Text name, const Flag& flag) {
  Flag other = flag;
  other.name = name;
  other.meaning = "the older name of the flag before";
  other.set = [name, set = flag.set, now = flag.name](Config& config, Text value) {
    config.notes.push_back(fmt::format("-{} is called -{} now", name, now));
    return set(config, value);
  };
  return other;
}

Trouble set_compression(Config& config, Text value) {
  const auto parsed = parse_boolean(value);
  if (!parsed) return not_boolean(value);
  if (!*parsed)
    config.notes.emplace_back(
        "-compress-snap-transport=false has no effect: images of the database are always sent "
        "compressed");
  return {};
}

Trouble set_join(Config& config, Text value) {
  config.join.clear();
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    Text each = value.substr(0, comma);
    value.remove_prefix(std::min(comma + 1, value.size()));
    while (each.starts_with(' ')) each.remove_prefix(1);
    while (each.ends_with(' ')) each.remove_suffix(1);
    if (!each.empty()) config.join.emplace_back(each);
  }
  return {};
}

Trouble set_log_level(Config& config, Text value) {
  constexpr std::array<std::pair<Text, LogLevel>, 4> kLevels{{{"DEBUG", LogLevel::debug},
                                                              {"INFO", LogLevel::info},
                                                              {"WARN", LogLevel::warning},
                                                              {"ERROR", LogLevel::error}}};
  std::string upper(value);
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  for (const auto& [name, level] : kLevels) {
    if (name != upper) continue;
    config.raft_log_level = level;
    return {};
  }
  return fmt::format("\"{}\" is none of DEBUG, INFO, WARN, ERROR", value);
}

const std::vector<Flag>& flags() {
  static const Flag kHeartbeat =
      duration("raft-heartbeat-timeout",
               "silence of the leader after which a follower asks for an election; the leader is "
               "heard six times as often",
               &Config::raft_heartbeat_timeout);
  static const std::vector<Flag> kFlags{
      text("node-id", "id",
           "name of this node: unique in the cluster, never changed (default: the "
           "advertised Raft address)",
           &Config::node_id),
      text("http-addr", "host:port", "where the HTTP API listens", &Config::http_addr),
      text("http-adv-addr", "host:port", "HTTP address that others are told (default: -http-addr)",
           &Config::http_adv_addr),
      text("http-allow-origin", "origin", "value of Access-Control-Allow-Origin (default: none)",
           &Config::http_allow_origin),
      text("raft-addr", "host:port", "where other nodes reach this one", &Config::raft_addr),
      text("raft-adv-addr", "host:port", "Raft address that others are told (default: -raft-addr)",
           &Config::raft_adv_addr),
      {"join", "list",
       "comma-separated members to join through: Raft addresses host:port or HTTP "
       "addresses http://host:port (default: form a cluster of one)",
       set_join, [](const Config&) { return std::string(); }},
      number("join-attempts", "rounds over the -join list before giving up",
             &Config::join_attempts),
      duration("join-interval", "pause between these rounds", &Config::join_interval),
      number("bootstrap-expect",
             "form a cluster of n new voters by itself, once all of them are there: those that "
             "-join names, and this one if it is not among them; must be the same on all of them "
             "(default: join only)",
             &Config::bootstrap_expect),
      duration("bootstrap-expect-timeout",
               "how long to wait for that before the node ends with exit code 1",
               &Config::bootstrap_expect_timeout),
      boolean("raft-non-voter", "join as a read replica: it receives the data, but has no vote",
              &Config::non_voter),
      boolean("fk", "enforce SQLite foreign keys; must be the same on all nodes",
              &Config::foreign_keys),
      kHeartbeat,
      alias("raft-timeout", kHeartbeat),
      duration("raft-election-timeout",
               "how long a candidate waits for votes; the larger of both timeouts is used for both",
               &Config::raft_election_timeout),
      duration("raft-apply-timeout",
               "how long a write waits for its entry to be applied before the answer is unknown",
               &Config::raft_apply_timeout),
      {"raft-log-level", "level", "DEBUG, INFO, WARN or ERROR", set_log_level,
       [](const Config&) { return std::string("INFO"); }},
      number("raft-snap",
             "entries after which a snapshot becomes the base of the log; behind it a quarter more "
             "than that is kept for slow followers",
             &Config::raft_snap),
      number(
          "raft-snap-wal-size",
          "bytes of SQLite's write-ahead file after which a snapshot moves it into the database; "
          "0: never for that reason",
          &Config::raft_snap_wal_size),
      duration("raft-snap-int",
               "how often a snapshot is made for its own sake, if anything is newer than the last",
               &Config::raft_snap_interval),
      number(
          "db-wal-max-size",
          "bytes of SQLite's write-ahead file beyond which reads and transfers that hold it back "
          "are ended; at twice that, writes are refused",
          &Config::db_wal_max_size),
      {"compress-snap-transport", "", "accepted; images of the database are always sent compressed",
       set_compression, [](const Config&) { return std::string("true"); }},
      boolean("raft-shutdown-stepdown", "a leader that is stopped hands leadership on first",
              &Config::raft_shutdown_stepdown),
      boolean("raft-remove-shutdown", "stop when this node is removed from the cluster",
              &Config::raft_remove_shutdown),
      boolean("raft-cluster-remove-shutdown",
              "a node that is stopped leaves the cluster first; if it cannot, the exit code is 1",
              &Config::raft_cluster_remove_shutdown),
      patience("raft-reap-node-timeout",
               "silence after which the leader removes a voter from the cluster",
               &Config::raft_reap_node_timeout),
      patience("raft-reap-read-only-node-timeout",
               "silence after which the leader removes a read replica from the cluster",
               &Config::raft_reap_read_only_node_timeout),
  };
  return kFlags;
}

// rqlite's other flags, between blanks.
constexpr Text kUnsupported =
    " extensions-path cdc-config otlp-endpoint otlp-interval otlp-insecure "
    "otlp-no-verify otlp-ca-cert otlp-cert otlp-key auth auto-backup auto-restore "
    "http-ca-cert http-cert http-key http-verify-client http-verify-common-name "
    "node-ca-cert node-cert node-key node-no-verify node-verify-client "
    "node-verify-server-name node-verify-common-name join-as disco-mode disco-key disco-config "
    "db-max-ro-conns "
    "auto-vacuum-int auto-optimize-int raft-leader-lease-timeout raft-commit-timeout "
    "cluster-connect-timeout write-queue-capacity write-queue-batch-size "
    "write-queue-timeout write-queue-tx cpu-profile mem-profile trace-profile "
    "on-disk-path http-no-verify ";

std::unexpected<Error> unknown(Text name) {
  const bool rqlite = kUnsupported.find(fmt::format(" {} ", name)) != Text::npos;
  if (rqlite) return fail(Errc::invalid, fmt::format("flag -{} is not supported yet", name));
  return fail(Errc::invalid, fmt::format("unknown flag -{} (-h lists all flags)", name));
}

bool is_flag(Text argument) {
  return argument.size() > 1 && argument.starts_with('-');
}

// Reads the flag at `at` and moves behind what it took.
Status take_flag(std::span<const Text> arguments, std::size_t& at, CommandLine& line) {
  Text name = arguments[at++];
  name.remove_prefix(name.starts_with("--") ? 2 : 1);
  const std::size_t equals = name.find('=');
  std::optional<Text> value;
  if (equals != Text::npos) value = name.substr(equals + 1);
  name = name.substr(0, equals);
  if (name == "h" || name == "help" || name == "version") {
    if (line.want == Want::run) line.want = name == "version" ? Want::version : Want::help;
    return {};
  }
  const auto flag = std::ranges::find(flags(), name, &Flag::name);
  if (flag == flags().end()) return unknown(name);
  // As in Go, a boolean never takes the next argument: that may be the data folder.
  if (!value && flag->argument.empty()) value = "true";
  if (!value && at == arguments.size())
    return fail(Errc::invalid, fmt::format("flag -{} needs a value", name));
  if (!value) value = arguments[at++];
  if (const auto trouble = flag->set(line.config, *value))
    return fail(Errc::invalid, fmt::format("flag -{}: {}", name, *trouble));
  return {};
}

}  // namespace

Result<CommandLine> parse_command_line(std::span<const Text> arguments) {
  CommandLine line;
  std::size_t at = 0;
  while (at < arguments.size() && is_flag(arguments[at]) && arguments[at] != "--")
    TRY(take_flag(arguments, at, line));
  if (line.want != Want::run) return line;
  if (at < arguments.size() && arguments[at] == "--") ++at;
  if (at == arguments.size()) return fail(Errc::invalid, "data directory path is required");
  line.config.data_folder = arguments[at++];
  if (at < arguments.size()) {
    const Text extra = arguments[at];
    if (is_flag(extra))
      return fail(Errc::invalid,
                  fmt::format("flags must come before the data directory: {}", extra));
    return fail(Errc::invalid, fmt::format("more than one data directory: {}", extra));
  }
  TRY(check_config(line.config));
  return line;
}

std::string help_text() {
  std::string help =
      "lockstepd: a node of a replicated SQLite database with rqlite's HTTP API\n\n"
      "Usage: lockstepd [flags] <data directory>\n\nFlags:\n";
  const auto out = std::back_inserter(help);
  const Config defaults;
  for (const Flag& each : flags()) {
    fmt::format_to(out, "  -{} {}\n      {}", each.name, each.argument, each.meaning);
    const std::string shown = each.show(defaults);
    if (!shown.empty()) fmt::format_to(out, " (default {})", shown);
    help += '\n';
  }
  help += "  -version\n      print the version and exit\n  -h, -help\n      print this and exit\n";
  return help;
}

}  // namespace lockstep::host
