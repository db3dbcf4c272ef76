#include "host/flags.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <initializer_list>

#include "host/address.h"
#include "host/duration.h"
#include "host/join_target.h"
#include "host/node_options.h"

namespace lockstep::host {
namespace {

using Arguments = std::vector<std::string_view>;

Config config_of(const Arguments& arguments) {
  const auto line = parse_command_line(arguments);
  EXPECT_TRUE(line) << (line ? "" : line.error().text);
  return line ? line->config : Config{};
}
std::string trouble_of(const Arguments& arguments) {
  const auto line = parse_command_line(arguments);
  return line ? "" : line.error().text;
}

TEST(Flags, defaults_are_those_of_the_contract) {
  const Config config = config_of({"data"});
  EXPECT_EQ(config.data_folder, "data");
  EXPECT_EQ(config.http_addr, "localhost:4001");
  EXPECT_EQ(config.raft_addr, "localhost:4002");
  EXPECT_EQ(config.join_attempts, 5u);
  EXPECT_EQ(config.join_interval, seconds(3));
  EXPECT_EQ(config.raft_apply_timeout, seconds(10));
  EXPECT_EQ(config.raft_snap, 8192u);
  EXPECT_EQ(config.raft_snap_wal_size, 4194304u);
  EXPECT_EQ(config.raft_snap_interval, seconds(10));
  EXPECT_EQ(config.db_wal_max_size, 268435456u);
  EXPECT_TRUE(config.raft_shutdown_stepdown);
  EXPECT_FALSE(config.raft_remove_shutdown);
  EXPECT_FALSE(config.raft_cluster_remove_shutdown);
  EXPECT_EQ(config.raft_reap_node_timeout, Duration{});
  EXPECT_EQ(config.raft_reap_read_only_node_timeout, Duration{});
  EXPECT_TRUE(config.notes.empty());
  EXPECT_FALSE(config.foreign_keys);
}

TEST(Flags, every_go_spelling_is_read) {
  EXPECT_EQ(config_of({"-node-id", "1", "d"}).node_id, "1");
  EXPECT_EQ(config_of({"-node-id=1", "d"}).node_id, "1");
  EXPECT_EQ(config_of({"--node-id", "1", "d"}).node_id, "1");
  EXPECT_EQ(config_of({"--node-id=a=b", "d"}).node_id, "a=b");
  EXPECT_EQ(config_of({"-node-id=", "d"}).node_id, "");
  EXPECT_EQ(config_of({"-node-id", "-x", "d"}).node_id, "-x");
  EXPECT_EQ(config_of({"--", "-d"}).data_folder, "-d");
}

TEST(Flags, a_boolean_does_not_take_the_data_folder) {
  const Config config = config_of({"-fk", "data"});
  EXPECT_TRUE(config.foreign_keys);
  EXPECT_EQ(config.data_folder, "data");
  EXPECT_TRUE(config_of({"-raft-non-voter=T", "d"}).non_voter);
  EXPECT_FALSE(config_of({"-fk", "-fk=false", "d"}).foreign_keys);
  EXPECT_EQ(trouble_of({"-fk=yes", "d"}), "flag -fk: \"yes\" is neither true nor false");
}

TEST(Flags, values_reach_the_configuration) {
  const Config config = config_of({"-http-addr",
                                   "0.0.0.0:1",
                                   "-http-adv-addr",
                                   "a:1",
                                   "-raft-addr",
                                   ":2",
                                   "-raft-adv-addr",
                                   "a:2",
                                   "-join",
                                   "b:2, http://c:1,,localhost:4001",
                                   "-join-attempts",
                                   "7",
                                   "-join-interval",
                                   "1m30s",
                                   "-raft-election-timeout",
                                   "2s",
                                   "-raft-log-level",
                                   "debug",
                                   "-raft-snap",
                                   "10",
                                   "-http-allow-origin",
                                   "*",
                                   "d"});
  EXPECT_EQ(config.join, (std::vector<std::string>{"b:2", "http://c:1", "localhost:4001"}));
  EXPECT_EQ(config.join_attempts, 7u);
  EXPECT_EQ(config.join_interval, seconds(90));
  EXPECT_EQ(config.raft_election_timeout, seconds(2));
  EXPECT_EQ(config.raft_log_level, LogLevel::debug);
  EXPECT_EQ(config.raft_snap, 10u);
  EXPECT_EQ(config.http_allow_origin, "*");
}

TEST(Flags, mistakes_are_named_in_one_line) {
  EXPECT_EQ(trouble_of({}), "data directory path is required");
  EXPECT_EQ(trouble_of({"-fk"}), "data directory path is required");
  EXPECT_EQ(trouble_of({"a", "b"}), "more than one data directory: b");
  EXPECT_EQ(trouble_of({"a", "-fk"}), "flags must come before the data directory: -fk");
  EXPECT_EQ(trouble_of({"-nonsense", "d"}), "unknown flag -nonsense (-h lists all flags)");
  EXPECT_EQ(trouble_of({"-auth", "x", "d"}), "flag -auth is not supported yet");
  EXPECT_EQ(trouble_of({"-disco-mode=dns", "d"}), "flag -disco-mode is not supported yet");
  EXPECT_EQ(trouble_of({"-node-id"}), "flag -node-id needs a value");
  EXPECT_EQ(trouble_of({"-join-attempts", "x", "d"}),
            "flag -join-attempts: \"x\" is not a valid number");
  EXPECT_EQ(trouble_of({"-join-interval", "3", "d"}),
            "flag -join-interval: \"3\" is not a valid duration");
  EXPECT_EQ(trouble_of({"-raft-log-level", "loud", "d"}),
            "flag -raft-log-level: \"loud\" is none of DEBUG, INFO, WARN, ERROR");
}

TEST(Flags, what_can_be_switched_off_says_so) {
  const Config config =
      config_of({"-raft-snap-wal-size", "0", "-raft-shutdown-stepdown=false", "-raft-snap-int=1m",
                 "-raft-remove-shutdown", "-raft-cluster-remove-shutdown=true", "d"});
  EXPECT_EQ(config.raft_snap_wal_size, 0u);
  EXPECT_FALSE(config.raft_shutdown_stepdown);
  EXPECT_EQ(config.raft_snap_interval, std::chrono::minutes(1));
  EXPECT_TRUE(config.raft_remove_shutdown);
  EXPECT_TRUE(config.raft_cluster_remove_shutdown);
  EXPECT_EQ(trouble_of({"-raft-snap-int", "0", "d"}),
            "flag -raft-snap-int: must be longer than 0 and at most 24h");
  EXPECT_EQ(trouble_of({"-raft-snap", "0", "d"}),
            "flag -raft-snap: must be from 1 to 1000000000000");
  EXPECT_EQ(trouble_of({"-db-wal-max-size", "4194304", "d"}),
            "flag -db-wal-max-size: must be above -raft-snap-wal-size");
  EXPECT_EQ(trouble_of({"-raft-snap-wal-size", "0", "-db-wal-max-size", "0", "d"}),
            "flag -db-wal-max-size: must be above -raft-snap-wal-size");
}

TEST(Flags, reaping_is_asked_for_with_a_time_or_not_at_all) {
  const Config config =
      config_of({"-raft-reap-node-timeout=72h", "-raft-reap-read-only-node-timeout", "90s", "d"});
  EXPECT_EQ(config.raft_reap_node_timeout, std::chrono::hours(72));
  EXPECT_EQ(config.raft_reap_read_only_node_timeout, seconds(90));
  EXPECT_EQ(trouble_of({"-raft-reap-node-timeout", "0", "d"}),
            "flag -raft-reap-node-timeout: must be greater than 0");
  EXPECT_EQ(trouble_of({"-raft-reap-read-only-node-timeout=0h", "d"}),
            "flag -raft-reap-read-only-node-timeout: must be greater than 0");
  EXPECT_EQ(trouble_of({"-raft-reap-node-timeout", "-1s", "d"}),
            "flag -raft-reap-node-timeout: \"-1s\" is not a valid duration");
}

TEST(Flags, names_of_old_and_settings_without_effect_are_noted) {
  const Config config = config_of({"-raft-timeout", "2s", "-compress-snap-transport=false", "d"});
  EXPECT_EQ(config.raft_heartbeat_timeout, seconds(2));
  ASSERT_EQ(config.notes.size(), 2u);
  EXPECT_EQ(config.notes[0], "-raft-timeout is called -raft-heartbeat-timeout now");
  EXPECT_TRUE(config.notes[1].starts_with("-compress-snap-transport=false has no effect"));
  EXPECT_TRUE(config_of({"-compress-snap-transport", "d"}).notes.empty());
  EXPECT_EQ(trouble_of({"-compress-snap-transport=zstd", "d"}),
            "flag -compress-snap-transport: \"zstd\" is neither true nor false");
  // They would promise what is not there: leases serve no reads here.
  EXPECT_EQ(trouble_of({"-raft-leader-lease-timeout", "1", "d"}),
            "flag -raft-leader-lease-timeout is not supported yet");
}

TEST(Flags, founders_name_each_other) {
  const std::string_view two = "http://a:4001,b:4002";
  const Config config = config_of({"-bootstrap-expect", "3", "-join", two, "d"});
  EXPECT_EQ(config.bootstrap_expect, 3u);
  EXPECT_EQ(config.bootstrap_expect_timeout, seconds(120));
  const auto options = node_options(config, {.raft_addr = "r:2", .http_addr = "h:1"}, 7);
  EXPECT_EQ(options.expect.members, 3u);
  EXPECT_EQ(options.expect.patience, seconds(120));
  EXPECT_EQ(config_of({"-bootstrap-expect-timeout=1m", "d"}).bootstrap_expect_timeout, seconds(60));
  // With this node in the list, by either address; then it may be one address of several.
  config_of({"-bootstrap-expect", "3", "-join", "a:1,b:1,localhost:4002", "d"});
  config_of({"-bootstrap-expect", "3", "-join", "a:1,b:1,http://localhost:4001", "d"});
  config_of({"-bootstrap-expect", "1", "-join", "localhost:4002", "d"});
  config_of({"-bootstrap-expect", "1", "d"});
  // One that is not in the list joins the cluster of those that are.
  config_of({"-bootstrap-expect", "2", "-join", "a:1,b:1", "d"});
}

TEST(Flags, founders_that_cannot_be_all_are_refused) {
  EXPECT_EQ(trouble_of({"-bootstrap-expect", "3", "-join", "a:1,a:1,localhost:4002", "d"}),
            "flag -bootstrap-expect: 3 nodes are expected, but -join names 1 besides this one; it "
            "must name them all (this one may be left out)");
  for (const char* list : {"a:1", "a:1,b:1,c:1,e:1", "a:1,b:1,c:1,localhost:4001"})
    EXPECT_NE(trouble_of({"-bootstrap-expect", "3", "-join", list, "d"}), "") << list;
  EXPECT_NE(trouble_of({"-bootstrap-expect", "2", "d"}), "");
  EXPECT_EQ(trouble_of({"-bootstrap-expect", "33", "d"}),
            "flag -bootstrap-expect: must be at most 32");
  EXPECT_EQ(trouble_of({"-bootstrap-expect", "2", "-raft-non-voter", "-join", "a:1", "d"}),
            "flag -bootstrap-expect: a read replica (-raft-non-voter) founds no cluster");
  EXPECT_EQ(trouble_of({"-bootstrap-expect-timeout", "0", "d"}),
            "flag -bootstrap-expect-timeout: must be longer than 0 and at most 24h");
}

TEST(Flags, addresses_are_checked) {
  EXPECT_EQ(trouble_of({"-http-addr", "localhost", "d"}),
            "flag -http-addr: address \"localhost\": must be host:port");
  EXPECT_EQ(trouble_of({"-http-addr", "http://localhost:1", "d"}),
            "flag -http-addr: address \"http://localhost:1\": an IPv6 host must stand in brackets, "
            "[host]:port");
  EXPECT_EQ(trouble_of({"-raft-addr", "a:70000", "d"}),
            "flag -raft-addr: address \"a:70000\": the port must be a number from 0 to 65535");
  EXPECT_EQ(trouble_of({"-http-addr", "a:1", "-raft-addr", "a:1", "d"}),
            "HTTP and Raft addresses must differ: a:1");
  EXPECT_EQ(trouble_of({"-http-adv-addr", "a:1", "-raft-adv-addr", "a:1", "d"}),
            "HTTP and Raft advertised addresses must differ: a:1");
  EXPECT_EQ(trouble_of({"-raft-addr", "0.0.0.0:4002", "d"}),
            "flag -raft-adv-addr: 0.0.0.0:4002 is not an address others can reach this node at");
}

TEST(Flags, joining_oneself_is_refused) {
  EXPECT_EQ(trouble_of({"-join", "localhost:4002", "d"}),
            "flag -join: localhost:4002 is this node itself");
  EXPECT_EQ(trouble_of({"-join", "http://localhost:4001/", "d"}),
            "flag -join: http://localhost:4001/ is this node itself");
  EXPECT_EQ(trouble_of({"-join", "https://a:1", "d"}),
            "flag -join: https://a:1: https is not supported yet");
}

TEST(Flags, help_and_version_need_no_data_folder) {
  for (const char* each : {"-h", "-help", "--help"}) {
    const auto line = parse_command_line(Arguments{each});
    ASSERT_TRUE(line);
    EXPECT_EQ(line->want, Want::help);
  }
  EXPECT_EQ(parse_command_line(Arguments{"-version"})->want, Want::version);
  const std::string help = help_text();
  for (const char* name : {"-node-id", "-join ", "-raft-snap-wal-size", "-fk", "(default 3s)",
                           "(default localhost:4001)"})
    EXPECT_NE(help.find(name), std::string::npos) << name;
}

TEST(Flags, reach_the_nodes_options) {
  const Config config =
      config_of({"-raft-heartbeat-timeout", "1.2s", "-fk", "-raft-snap", "5", "-raft-snap-wal-size",
                 "9", "-db-wal-max-size", "10", "-raft-non-voter", "d"});
  const auto options = node_options(config, {.raft_addr = "r:2", .http_addr = "h:1"}, 7);
  EXPECT_EQ(options.self.value, "r:2");
  EXPECT_EQ(options.raft_addr, "r:2");
  EXPECT_EQ(options.api_addr, "http://h:1");
  EXPECT_EQ(options.raft.heartbeat_interval, milliseconds(200));
  EXPECT_EQ(options.raft.election_timeout, milliseconds(1200));
  EXPECT_EQ(options.durable_point_entries, 5u);
  EXPECT_EQ(options.log_keep_entries, 6u);
  EXPECT_EQ(options.wal_bytes_max, 10u);
  EXPECT_FALSE(options.recover_members);
  EXPECT_EQ(options.checkpoint_wal_bytes, 9u);
  EXPECT_TRUE(options.database.foreign_keys);
  EXPECT_FALSE(options.voter);
  EXPECT_NE(options.seed, options.log.seed);
}

TEST(Flags, the_defaults_keep_as_much_log_as_rqlite) {
  const auto options = node_options(config_of({"d"}), {.raft_addr = "r:2", .http_addr = "h:1"}, 7);
  EXPECT_EQ(options.durable_point_entries, 8192u);
  EXPECT_EQ(options.log_keep_entries, 10'240u);
  EXPECT_EQ(options.checkpoint_wal_bytes, 4u << 20);
}

TEST(Durations, are_read_as_in_go) {
  EXPECT_EQ(*parse_duration("0"), Duration{});
  EXPECT_EQ(*parse_duration("300ms"), milliseconds(300));
  EXPECT_EQ(*parse_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(*parse_duration("1h30m"), std::chrono::minutes(90));
  EXPECT_EQ(*parse_duration("2us3ns"), nanoseconds(2003));
  EXPECT_EQ(*parse_duration("7µs"), microseconds(7));
  EXPECT_EQ(*parse_duration(".5s"), milliseconds(500));
  for (const char* bad : {"", "3", "-1s", "s", ".s", "1x", "1s2", "1 s", "99999999999h",
                          "9223372036854775808ns", "1e3s"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Durations, are_printed_as_in_go) {
  EXPECT_EQ(to_string(Duration{}), "0s");
  EXPECT_EQ(to_string(milliseconds(300)), "300ms");
  EXPECT_EQ(to_string(milliseconds(1500)), "1.5s");
  EXPECT_EQ(to_string(std::chrono::minutes(2)), "2m0s");
  EXPECT_EQ(to_string(std::chrono::hours(1)), "1h0m0s");
  EXPECT_EQ(to_string(nanoseconds(1'000'001)), "1.000001ms");
}

TEST(Addresses, round_trip) {
  for (const char* text : {"localhost:4001", ":0", "10.0.0.1:65535", "[::1]:4002"})
    EXPECT_EQ(to_string(*parse_host_port(text)), text);
  for (const char* bad : {"", "a", "a:", "a:x", "::1:4002", "a:1:2", "a/b:1", "a:-1", "a:1 "})
    EXPECT_FALSE(parse_host_port(bad)) << bad;
}

TEST(Addresses, a_taken_port_is_a_clear_error) {
  const auto first = listen_on({.host = "localhost", .port = 0});
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->v6);
  const auto second = listen_on({.host = "localhost", .port = first->port});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::busy);
  EXPECT_EQ(second.error().text, "cannot listen on localhost:" + std::to_string(first->port) +
                                     ": address already in use");
  ::close(first->fd);
  EXPECT_EQ(listen_on({.host = "no-such-host.invalid", .port = 0}).error().code, Errc::invalid);
}

}  // namespace
}  // namespace lockstep::host
