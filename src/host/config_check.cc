#include "host/config_check.h"

#include <algorithm>
#include <set>

#include "host/address.h"
#include "host/join_target.h"

namespace lockstep::host {

namespace {

Status check_address(std::string_view flag, const std::string& text, bool advertised) {
  const auto parsed = parse_host_port(text);
  if (!parsed)
    return fail(Errc::invalid, "flag -" + std::string(flag) + ": " + parsed.error().text);
  if (advertised && is_wildcard(*parsed))
    return fail(Errc::invalid, "flag -" + std::string(flag) + ": " + text +
                                   " is not an address others can reach this node at");
  return {};
}

Status check_addresses(const Config& config) {
  TRY(check_address("http-addr", config.http_addr, false));
  TRY(check_address("raft-addr", config.raft_addr, false));
  const bool any_port = config.http_addr.ends_with(":0") || config.raft_addr.ends_with(":0");
  if (config.http_addr == config.raft_addr && !any_port)
    return fail(Errc::invalid, "HTTP and Raft addresses must differ: " + config.http_addr);
  const std::string& http = config.http_adv_addr.empty() ? config.http_addr : config.http_adv_addr;
  const std::string& raft = config.raft_adv_addr.empty() ? config.raft_addr : config.raft_adv_addr;
  TRY(check_address("http-adv-addr", http, true));
  TRY(check_address("raft-adv-addr", raft, true));
  if (http == raft && !any_port)
    return fail(Errc::invalid, "HTTP and Raft advertised addresses must differ: " + http);
  return {};
}

constexpr std::uint64_t kFoundersMax = 32;

// One node more than the others: that is this one. As many: this one is none of the founders, and
// joins their cluster.
Status check_expected(const Config& config, std::size_t others, bool lists_itself) {
  const std::uint64_t expected = config.bootstrap_expect;
  if (config.non_voter)
    return fail(Errc::invalid,
                "flag -bootstrap-expect: a read replica (-raft-non-voter) founds no cluster");
  if (expected > kFoundersMax)
    return fail(Errc::invalid,
                "flag -bootstrap-expect: must be at most " + std::to_string(kFoundersMax));
  if (others + 1 == expected || (!lists_itself && others == expected && others > 0)) return {};
  return fail(Errc::invalid, "flag -bootstrap-expect: " + std::to_string(expected) +
                                 " nodes are expected, but -join names " + std::to_string(others) +
                                 " besides this one; it must name them all (this one may be "
                                 "left out)");
}

Status check_join(const Config& config) {
  const std::string& raft = config.raft_adv_addr.empty() ? config.raft_addr : config.raft_adv_addr;
  const std::string& http = config.http_adv_addr.empty() ? config.http_addr : config.http_adv_addr;
  std::set<std::string> others;
  bool lists_itself = false;
  for (const std::string& each : config.join) {
    const auto target = parse_join_target(each);
    if (!target) return fail(Errc::invalid, "flag -join: " + target.error().text);
    const std::string address = to_string(target->address);
    const bool itself = address == raft || address == http;
    if (itself && config.bootstrap_expect == 0)
      return fail(Errc::invalid, "flag -join: " + each + " is this node itself");
    if (itself)
      lists_itself = true;
    else
      others.insert(address);
  }
  if (config.bootstrap_expect > 0) TRY(check_expected(config, others.size(), lists_itself));
  if (config.join_attempts == 0 || config.join_attempts > 1'000'000)
    return fail(Errc::invalid, "flag -join-attempts: must be from 1 to 1000000");
  return {};
}

Status check_positive(std::string_view flag, Duration value) {
  if (value > Duration{} && value <= std::chrono::hours(24)) return {};
  return fail(Errc::invalid,
              "flag -" + std::string(flag) + ": must be longer than 0 and at most 24h");
}

}  // namespace

Status check_config(const Config& config) {
  TRY(check_addresses(config));
  TRY(check_join(config));
  TRY(check_positive("join-interval", config.join_interval));
  TRY(check_positive("bootstrap-expect-timeout", config.bootstrap_expect_timeout));
  TRY(check_positive("raft-heartbeat-timeout", config.raft_heartbeat_timeout));
  TRY(check_positive("raft-election-timeout", config.raft_election_timeout));
  TRY(check_positive("raft-apply-timeout", config.raft_apply_timeout));
  // Below this a busy disk looks like a dead leader.
  if (std::max(config.raft_heartbeat_timeout, config.raft_election_timeout) < milliseconds(20))
    return fail(Errc::invalid, "flag -raft-election-timeout: must be at least 20ms");
  if (config.raft_snap == 0 || config.raft_snap > 1'000'000'000'000)
    return fail(Errc::invalid, "flag -raft-snap: must be from 1 to 1000000000000");
  TRY(check_positive("raft-snap-int", config.raft_snap_interval));
  if (config.db_wal_max_size == 0 || config.db_wal_max_size <= config.raft_snap_wal_size)
    return fail(Errc::invalid, "flag -db-wal-max-size: must be above -raft-snap-wal-size");
  return {};
}

}  // namespace lockstep::host
