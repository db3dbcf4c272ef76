#include "host/join_resolver.h"

#include <gtest/gtest.h>

#include <memory>

#include "host/http_message.h"
#include "host/http_probe.h"
#include "host/http_server.h"
#include "host/peer_listener.h"
#include "world.h"

namespace lockstep::host {
namespace {

using Found = std::optional<Result<std::vector<std::string>>>;

class JoinResolverTest : public testing::Test {
 protected:
  JoinResolverTest() {
    options_.ask_interval = milliseconds(5);
    options_.grace = milliseconds(20);
    options_.give_up_after = seconds(5);
  }
  std::uint16_t start_http(const std::string& body, std::uint16_t port = 0) {
    const auto socket = listen_on({.host = "127.0.0.1", .port = port});
    EXPECT_TRUE(socket);
    http_.push_back(std::make_unique<HttpServer>(
        loop_, log_, *socket, HttpOptions{}, [body](const api::Request&, api::Responder responder) {
          responder.answer({.status = 200, .headers = {}, .body = body});
        }));
    return socket->port;
  }
  std::uint16_t start_raft(std::uint16_t port = 0) {
    const auto socket = listen_on({.host = "127.0.0.1", .port = port});
    EXPECT_TRUE(socket);
    raft_.push_back(std::make_unique<PeerListener>(loop_, log_, *socket, ListenerOptions{},
                                                   [](std::string_view) {}));
    return socket->port;
  }
  // A port where nobody listens (now).
  std::uint16_t free_port() {
    const std::uint16_t port = start_raft();
    raft_.pop_back();
    return port;
  }
  void resolve(const std::vector<std::string>& list) {
    std::vector<JoinTarget> targets;
    for (const auto& each : list) targets.push_back(*parse_join_target(each));
    resolver_ = std::make_unique<JoinResolver>(
        loop_, log_, targets, options_,
        [this](Result<std::vector<std::string>> found) { found_ = std::move(found); });
  }
  bool until_found() {
    return run_until(loop_, [&] { return found_.has_value(); });
  }
  static std::string at(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

  Loop loop_;
  RecordingLog log_;
  JoinOptions options_;
  std::vector<std::unique_ptr<HttpServer>> http_;
  std::vector<std::unique_ptr<PeerListener>> raft_;
  std::unique_ptr<JoinResolver> resolver_;
  Found found_;
};

constexpr const char* kStatus = R"({"store":{"addr":"node1:4002","leader":{}}})";

TEST_F(JoinResolverTest, http_addresses_become_raft_addresses) {
  const auto port = start_http(kStatus);
  resolve({"http://" + at(port) + "/"});
  ASSERT_TRUE(until_found());
  EXPECT_EQ(**found_, std::vector<std::string>{"node1:4002"});
}

TEST_F(JoinResolverTest, without_a_scheme_the_port_tells) {
  const auto http = start_http(kStatus);
  const auto raft = start_raft();
  resolve({at(http), at(raft)});
  ASSERT_TRUE(until_found());
  EXPECT_EQ(**found_, (std::vector<std::string>{"node1:4002", at(raft)}));
  EXPECT_EQ(log_.count(LogLevel::warning), 0u);
}

TEST_F(JoinResolverTest, nodes_may_start_in_any_order) {
  const auto http = free_port();
  resolve({"http://" + at(http)});
  run_for(loop_, milliseconds(20));
  EXPECT_FALSE(found_);
  start_http("store not open", http);
  run_for(loop_, milliseconds(20));
  EXPECT_FALSE(found_);
  http_.clear();
  start_http(kStatus, http);
  ASSERT_TRUE(until_found());
  EXPECT_EQ(**found_, std::vector<std::string>{"node1:4002"});
}

TEST_F(JoinResolverTest, a_silent_entry_does_not_hold_up_the_rest) {
  const auto raft = start_raft();
  const auto silent = free_port();
  const auto silent_http = free_port();
  resolve({at(silent), at(raft), "http://" + at(silent_http)});
  ASSERT_TRUE(until_found());
  EXPECT_EQ(**found_, (std::vector<std::string>{at(silent), at(raft)}));
}

TEST_F(JoinResolverTest, giving_up_keeps_what_may_be_a_raft_address) {
  options_.give_up_after = milliseconds(30);
  const auto silent = free_port();
  resolve({at(silent)});
  ASSERT_TRUE(until_found());
  EXPECT_EQ(**found_, std::vector<std::string>{at(silent)});
}

TEST_F(JoinResolverTest, giving_up_on_http_addresses_is_an_error) {
  options_.give_up_after = milliseconds(30);
  const auto silent = free_port();
  resolve({"http://" + at(silent)});
  ASSERT_TRUE(until_found());
  ASSERT_FALSE(*found_);
  EXPECT_EQ(found_->error().text,
            "none of the -join addresses answers: " + at(silent) + " (Connection refused)");
}

TEST_F(JoinResolverTest, destroying_it_ends_it) {
  const auto raft = start_raft();
  resolve({at(raft)});
  resolver_.reset();
  run_for(loop_, milliseconds(30));
  EXPECT_FALSE(found_);
}

TEST_F(JoinResolverTest, a_node_that_is_starting_helps_only_founders) {
  const auto starting = start_http(status_before_open("node2:4002"));
  options_.give_up_after = milliseconds(50);
  resolve({"http://" + at(starting)});
  ASSERT_TRUE(until_found());
  ASSERT_FALSE(*found_);
  EXPECT_TRUE(found_->error().text.ends_with(at(starting) + " (it is not ready)"));
  found_.reset();
  options_.expects_all = true;
  resolve({"http://" + at(starting)});
  ASSERT_TRUE(until_found());
  EXPECT_EQ(**found_, std::vector<std::string>{"node2:4002"});
}

TEST_F(JoinResolverTest, founders_wait_for_all_or_for_a_leader) {
  options_.expects_all = true;
  options_.grace = milliseconds(10);
  const auto first = start_http(status_before_open("node2:4002"));
  const auto second = free_port();
  const std::vector<std::string> list{"http://" + at(first), "http://" + at(second)};
  resolve(list);
  run_for(loop_, milliseconds(100));
  EXPECT_FALSE(found_);
  start_http(status_before_open("node3:4002"), second);
  ASSERT_TRUE(until_found());
  EXPECT_EQ(**found_, (std::vector<std::string>{"node2:4002", "node3:4002"}));
  // A cluster has formed meanwhile, and one of them is down: the others will do.
  found_.reset();
  http_.clear();
  const auto again = start_http(kStatus);
  resolve({"http://" + at(again), "http://" + at(free_port())});
  run_for(loop_, milliseconds(100));
  EXPECT_FALSE(found_) << "the node knows no leader";
  http_.clear();
  start_http(R"({"store":{"addr":"node1:4002","leader":{"node_id":"1"},"open":true}})", again);
  ASSERT_TRUE(until_found());
  EXPECT_EQ(**found_, std::vector<std::string>{"node1:4002"});
}

TEST_F(JoinResolverTest, founders_that_stay_silent_are_named) {
  options_.expects_all = true;
  options_.give_up_after = milliseconds(50);
  const auto http = start_http(status_before_open("node2:4002"));
  const auto silent = free_port();
  resolve({"http://" + at(http), "http://" + at(silent)});
  ASSERT_TRUE(until_found());
  ASSERT_FALSE(*found_);
  EXPECT_EQ(found_->error().text, "boot timeout: no cluster has formed: no answer from " +
                                      at(silent) + " (Connection refused)");
}

TEST_F(JoinResolverTest, founders_believe_that_a_silent_entry_is_a_raft_address) {
  options_.expects_all = true;
  options_.silence_grace = milliseconds(30);
  const auto http = start_http(status_before_open("node2:4002"));
  const auto silent = free_port();
  resolve({"http://" + at(http), at(silent)});
  ASSERT_TRUE(until_found());
  EXPECT_EQ(**found_, (std::vector<std::string>{"node2:4002", at(silent)}));
}

TEST(JoinStatus, is_read_as_far_as_it_goes) {
  EXPECT_EQ(read_status(kStatus).raft_addr, "node1:4002");
  EXPECT_TRUE(read_status(kStatus).open);
  EXPECT_FALSE(read_status(kStatus).has_leader);
  for (const char* bad : {"", "x", "[]", "{}", R"({"store":{}})", R"({"store":{"addr":7}})",
                          R"({"store":{"addr":"nonsense"}})", R"({"store":{"open":false}})"})
    EXPECT_EQ(read_status(bad).raft_addr, "") << bad;
  const StatusAnswer starting = read_status(status_before_open("a:1"));
  EXPECT_EQ(starting.raft_addr, "a:1");
  EXPECT_FALSE(starting.open);
  EXPECT_TRUE(read_status(R"({"store":{"leader":{"node_id":"2"}}})").has_leader);
}

TEST(HttpProbe, answers_are_told_apart) {
  using Kind = ProbeResult::Kind;
  const auto good = parse_http_answer("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody");
  EXPECT_EQ(good.kind, Kind::http);
  EXPECT_EQ(good.status, 200u);
  EXPECT_EQ(good.body, "body");
  for (const char* bad : {"", "HTTP/1.1", "HTTP/1.1 2x0 OK\r\n\r\n", "SSH-2.0\r\n\r\n"})
    EXPECT_EQ(parse_http_answer(bad).kind, Kind::not_http) << bad;
}

}  // namespace
}  // namespace lockstep::host
