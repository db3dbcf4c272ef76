#include "host/node_options.h"

#include <algorithm>

#include "base/rng.h"
#include "host/version.h"

namespace lockstep::host {

namespace {

// A follower must miss several heartbeats in a row before it doubts the leader.
constexpr int kHeartbeatsPerTimeout = 6;
// Two histories of one cluster that part come to the same term by chance once in so many cases.
constexpr std::uint64_t kFirstTermJumpMax = 1u << 16;

}  // namespace

// As rqlite's: a quarter more than what makes the next snapshot due.
std::uint64_t log_keep_entries(const Config& config) {
  return config.raft_snap + config.raft_snap / 4;
}

node::NodeOptions node_options(const Config& config, const Advertised& advertised,
                               std::uint64_t seed) {
  const Rng rng(seed);
  node::NodeOptions options;
  options.self = {config.node_id.empty() ? advertised.raft_addr : config.node_id};
  options.raft_addr = advertised.raft_addr;
  options.api_addr = "http://" + advertised.http_addr;
  options.version = kVersion;
  options.join_attempts = static_cast<unsigned>(config.join_attempts);
  options.join_interval = config.join_interval;
  options.voter = !config.non_voter;
  options.expect = {.members = config.bootstrap_expect,
                    .patience = config.bootstrap_expect_timeout};
  options.seed = rng.derive("node").next();
  options.raft.heartbeat_interval = config.raft_heartbeat_timeout / kHeartbeatsPerTimeout;
  options.raft.election_timeout =
      std::max(config.raft_election_timeout, config.raft_heartbeat_timeout);
  options.raft.first_term_jump_max = kFirstTermJumpMax;
  options.log.seed = rng.derive("log").next();
  options.database.seed = rng.derive("database").next();
  options.database.foreign_keys = config.foreign_keys;
  options.durable_point_entries = config.raft_snap;
  options.log_keep_entries = log_keep_entries(config);
  options.checkpoint_wal_bytes = config.raft_snap_wal_size;
  options.wal_bytes_max = config.db_wal_max_size;
  options.apply_timeout = config.raft_apply_timeout;
  return options;
}

}  // namespace lockstep::host
