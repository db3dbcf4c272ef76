// Command line of lockstepd: rqlite's flag names in Go's style (-flag value, -flag=value, --flag),
// for every function that exists here. rqlite's other flags are known by name and refused by name,
// so that nobody believes in a setting that has no effect.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"

namespace lockstep::host {

struct Config {
  std::string data_folder;
  std::string node_id;  // "": the advertised Raft address
  std::string http_addr = "localhost:4001";
  std::string http_adv_addr;  // "": http_addr
  std::string http_allow_origin;
  std::string raft_addr = "localhost:4002";
  std::string raft_adv_addr;      // "": raft_addr
  std::vector<std::string> join;  // as written: "host:port" or "http://host:port"
  std::uint64_t join_attempts = 5;
  Duration join_interval = seconds(3);
  std::uint64_t bootstrap_expect = 0;  // nodes that found the cluster together, with this one
  Duration bootstrap_expect_timeout = seconds(120);
  bool non_voter = false;
  bool foreign_keys = false;
  LogLevel raft_log_level = LogLevel::info;
  Duration raft_heartbeat_timeout = milliseconds(300);
  Duration raft_election_timeout = milliseconds(300);
  Duration raft_apply_timeout = seconds(10);
  std::uint64_t raft_snap = 8192;
  std::uint64_t raft_snap_wal_size = 4u << 20;  // 0: never for that reason
  Duration raft_snap_interval = seconds(10);
  std::uint64_t db_wal_max_size = 256u << 20;
  bool raft_shutdown_stepdown = true;
  bool raft_remove_shutdown = false;
  bool raft_cluster_remove_shutdown = false;
  Duration raft_reap_node_timeout{};            // 0: never
  Duration raft_reap_read_only_node_timeout{};  // 0: never
  std::vector<std::string> notes;               // about flags, for the log
};

enum class Want { run, help, version };

struct CommandLine {
  Want want = Want::run;
  Config config;  // validated if want is `run`
};

// `arguments` without the program's name. Errc::invalid with one line for "fatal: ...".
Result<CommandLine> parse_command_line(std::span<const std::string_view> arguments);

// What -h prints: usage, then every flag with its meaning and default.
std::string help_text();

}  // namespace lockstep::host
