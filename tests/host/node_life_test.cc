// Three nodes in one process, on real disks and sockets: what a host does when a node ends by
// itself, and how it takes one down.
#include "host/node_life.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "host/graceful_stop.h"
#include "host/http_server.h"
#include "host/peer_listener.h"
#include "host/posix_disk.h"
#include "host/tcp_peers.h"
#include "world.h"

namespace lockstep::host {
namespace {

// What a Server wires, without its signals.
struct Member {
  Member(Loop& the_loop, std::string name, std::string folder, std::string join)
      : loop(the_loop), data(std::move(folder)) {
    const Listening raft = listen_anywhere();
    const Listening api = listen_anywhere();
    advertised.raft_addr = "127.0.0.1:" + std::to_string(raft.port);
    advertised.http_addr = "127.0.0.1:" + std::to_string(api.port);
    config.node_id = std::move(name);
    config.data_folder = data;
    config.raft_snap = 50;
    config.join_attempts = 100;
    if (!join.empty()) config.join = {std::move(join)};
    http = std::make_unique<HttpServer>(
        loop, log, api, HttpOptions{}, [this](api::Request request, api::Responder responder) {
          if (life && life->handler())
            life->handler()->handle(std::move(request), std::move(responder));
        });
    port = std::make_unique<PeerListener>(loop, log, raft, ListenerOptions{},
                                          [this](std::string_view frame) {
                                            if (life) life->receive(frame);
                                          });
  }
  ~Member() { stop(); }
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  void start() {
    auto folder = open_data_folder(data);
    ASSERT_TRUE(folder) << folder.error().text;
    disk = std::move(*folder);
    peers = std::make_unique<TcpPeers>(loop, log, PeersOptions{.seed = ++starts});
    life = std::make_unique<NodeLife>(
        loop, log, *disk, *peers,
        NodeLife::Options{.config = config,
                          .advertised = advertised,
                          .seed = std::hash<std::string>()(config.node_id) + starts,
                          .new_cluster = {std::hash<std::string>()(config.node_id), starts},
                          .handler =
                              [] {
                                return api::HandlerOptions{.version = "test",
                                                           .http_adv_addr = {},
                                                           .http_allow_origin = {},
                                                           .host_status = {}};
                              }},
        NodeLife::Events{.opened = [this] { ++opened; },
                         .closing = [this] { ++closed; },
                         .failed = [this](const Error& error) { failure = error.text; }});
    loop.post([this] { life->begin(); });
  }
  void stop() {
    life.reset();
    peers.reset();
    disk.reset();
  }
  [[nodiscard]] bool ready() const { return life && life->node() && life->node()->status().ready; }
  [[nodiscard]] bool leads() const {
    return ready() && life->node()->status().role == raft::Role::leader;
  }
  [[nodiscard]] LogIndex applied() const {
    return life && life->node() ? life->node()->applied() : LogIndex{};
  }

  Loop& loop;
  RecordingLog log;
  std::string data;
  Config config;
  Advertised advertised;
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<PeerListener> port;
  std::unique_ptr<PosixDisk> disk;
  std::unique_ptr<TcpPeers> peers;
  std::unique_ptr<NodeLife> life;
  std::uint64_t starts = 0;
  int opened = 0;
  int closed = 0;
  std::string failure;
};

// Every byte of the file becomes another.
void damage(const std::string& path) {
  const auto size = std::filesystem::file_size(path);
  ASSERT_GT(size, 0u);
  std::ofstream(path, std::ios::binary) << std::string(size, '?');
}

class NodeLifeTest : public testing::Test {
 protected:
  Member& member(std::size_t number) { return *members_[number]; }

  void start_cluster(std::size_t count) {
    for (std::size_t n = 0; n < count; ++n) {
      const std::string join = n == 0 ? "" : member(0).advertised.raft_addr;
      members_.push_back(std::make_unique<Member>(
          loop_, std::to_string(n + 1), folder_.path() + "/" + std::to_string(n + 1), join));
      member(n).start();
      ASSERT_TRUE(run_until(loop_,
                            [&] {
                              return member(n).ready() &&
                                     member(0).life->node()->status().members.size() == n + 1 &&
                                     member(n).life->node()->status().voter;
                            }))
          << "node " << n + 1 << ": " << member(n).failure;
    }
  }

  // They are given the same list, which names all of them; not by the names they go by.
  void expect_each_other(std::size_t count) {
    std::vector<std::string> list;
    for (std::size_t n = 0; n < count; ++n) {
      members_.push_back(std::make_unique<Member>(
          loop_, std::to_string(n + 1), folder_.path() + "/" + std::to_string(n + 1), ""));
      list.push_back("localhost" + member(n).advertised.raft_addr.substr(std::strlen("127.0.0.1")));
    }
    for (auto& each : members_) {
      each->config.join = list;
      each->config.bootstrap_expect = count;
    }
  }

  // The answer to one request to this node.
  // Who leads, among those that run; nullptr if nobody does.
  Member* leading() {
    for (auto& each : members_)
      if (each->life && each->life->node() && each->leads()) return each.get();
    return nullptr;
  }

  api::Response ask(Member& to, std::string method, std::string target, std::string body) {
    std::optional<api::Response> answer;
    loop_.post([&] {
      to.life->handler()->handle(
          {std::move(method), std::move(target), {}, std::move(body)},
          api::Responder([&](api::Response response) { answer = std::move(response); }));
    });
    EXPECT_TRUE(run_until(loop_, [&] { return answer.has_value(); }));
    return answer.value_or(api::Response{});
  }
  std::string execute(Member& to, const std::string& sql) {
    return ask(to, "POST", "/db/execute", "[\"" + sql + "\"]").body;
  }
  // How many rows this node itself sees.
  std::string rows(Member& at) {
    return ask(at, "POST", "/db/query?level=none", R"-(["SELECT count(*) FROM t"])-").body;
  }
  static std::string counted(int rows) {
    return R"-({"results":[{"columns":["count(*)"],"types":["integer"],"values":[[)-" +
           std::to_string(rows) + "]]}]}";
  }
  void insert(Member& to, int count) {
    for (int i = 0; i < count; ++i)
      ASSERT_NE(execute(to, "INSERT INTO t(name) VALUES('x')").find("rows_affected"),
                std::string::npos);
  }
  void all_apply(std::initializer_list<std::size_t> numbers) {
    EXPECT_TRUE(run_until(loop_, [&] {
      return std::ranges::all_of(
          numbers, [&](std::size_t n) { return member(n).applied() == member(0).applied(); });
    }));
  }

  Loop loop_;
  TemporaryFolder folder_;
  std::vector<std::unique_ptr<Member>> members_;
};

TEST_F(NodeLifeTest, a_node_that_is_sent_an_image_opens_again_by_itself) {
  start_cluster(3);
  ASSERT_EQ(execute(member(0), "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)"),
            R"({"results":[{}]})");
  all_apply({1, 2});
  member(2).stop();
  insert(member(0), 300);
  all_apply({1});
  for (std::size_t n : {0u, 1u})
    EXPECT_LT(ask(member(n), "POST", "/snapshot?trailing_logs=1", "").status, 300u);

  member(2).opened = member(2).closed = 0;
  member(2).start();
  EXPECT_TRUE(run_until(loop_, [&] {
    return member(2).ready() && member(2).applied() >= member(0).applied();
  })) << member(2).failure;
  EXPECT_EQ(member(2).opened, 2);
  EXPECT_EQ(member(2).closed, 1);
  EXPECT_EQ(rows(member(2)), counted(300));
  EXPECT_TRUE(member(2).log.contains("opening again, with the image that came"));
}

TEST_F(NodeLifeTest, a_node_whose_database_is_damaged_gets_it_from_its_peers) {
  start_cluster(3);
  execute(member(0), "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)");
  insert(member(0), 100);
  all_apply({1, 2});
  for (std::size_t n : {0u, 1u, 2u}) ask(member(n), "POST", "/snapshot", "");
  member(2).stop();
  damage(member(2).data + "/db.sqlite");
  member(2).opened = 0;
  member(2).start();
  EXPECT_TRUE(run_until(loop_, [&] {
    return member(2).ready() && member(2).applied() >= member(0).applied();
  })) << member(2).failure;
  EXPECT_EQ(member(2).opened, 1);
  EXPECT_EQ(rows(member(2)), counted(100));
  EXPECT_TRUE(member(2).log.contains("damaged storage: "));
}

TEST_F(NodeLifeTest, nodes_that_expect_each_other_know_themselves_in_the_list) {
  expect_each_other(3);
  for (std::size_t n : {2u, 0u, 1u}) member(n).start();
  EXPECT_TRUE(run_until(loop_, [&] {
    return std::ranges::all_of(members_, [](const auto& each) { return each->ready(); });
  })) << member(0).failure;
  for (std::size_t n : {0u, 1u, 2u}) EXPECT_EQ(member(n).life->node()->status().members.size(), 3u);
  EXPECT_NE(execute(member(1), "CREATE TABLE t (id INTEGER PRIMARY KEY)").find("{}"),
            std::string::npos);
}

TEST_F(NodeLifeTest, nodes_that_expect_others_in_vain_say_whom) {
  expect_each_other(3);
  for (std::size_t n : {0u, 1u}) {
    member(n).config.bootstrap_expect_timeout = milliseconds(1'500);
    member(n).start();
  }
  EXPECT_TRUE(run_until(loop_, [&] { return !member(0).failure.empty(); }));
  EXPECT_TRUE(member(0).failure.starts_with("boot timeout: no cluster has formed: "))
      << member(0).failure;
}

TEST_F(NodeLifeTest, a_damaged_node_that_is_alone_says_what_is_damaged) {
  start_cluster(1);
  execute(member(0), "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)");
  ask(member(0), "POST", "/snapshot", "");
  member(0).stop();
  damage(member(0).data + "/db.sqlite");
  member(0).start();
  EXPECT_TRUE(run_until(loop_, [&] { return !member(0).failure.empty(); }));
  EXPECT_TRUE(member(0).failure.starts_with("database: ")) << member(0).failure;
  EXPECT_EQ(member(0).opened, 1) << "it was not opened again";
}

TEST_F(NodeLifeTest, a_leader_that_stops_hands_leadership_on_and_leaves_nothing_to_replay) {
  start_cluster(3);
  execute(member(0), "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)");
  insert(member(0), 3);
  all_apply({1, 2});
  // On a busy machine it may have become another one.
  ASSERT_TRUE(run_until(loop_, [&] { return leading() != nullptr; }));
  Member& old = *leading();
  std::optional<Status> outcome;
  GracefulStop stop(loop_, old.log, *old.http, [&] { return old.life->node(); }, {});
  loop_.post([&] { stop.begin([&](const Status& status) { outcome = status; }); });
  EXPECT_TRUE(run_until(loop_, [&] { return outcome.has_value(); }));
  EXPECT_TRUE(*outcome);
  EXPECT_TRUE(run_until(loop_, [&] { return leading() != nullptr; }));
  EXPECT_NE(leading(), &old);
  const auto status = old.life->node()->status();
  EXPECT_GE(status.durable, LogIndex{4});
  old.stop();
  ASSERT_TRUE(run_until(loop_, [&] { return leading() != nullptr; }));
  Member& next = *leading();
  insert(next, 1);
  EXPECT_EQ(rows(next), counted(4));
}

TEST_F(NodeLifeTest, a_node_that_should_leaves_the_cluster_as_it_stops) {
  start_cluster(3);
  Member& old = member(0);
  std::optional<Status> outcome;
  GracefulStop stop(loop_, old.log, *old.http, [&] { return old.life->node(); },
                    {.leave_cluster = true});
  loop_.post([&] { stop.begin([&](const Status& status) { outcome = status; }); });
  EXPECT_TRUE(run_until(loop_, [&] { return outcome.has_value(); }));
  EXPECT_TRUE(*outcome) << outcome->error().text;
  old.stop();
  for (std::size_t n : {1u, 2u})
    EXPECT_TRUE(
        run_until(loop_, [&] { return member(n).life->node()->status().members.size() == 2; }));
}

TEST_F(NodeLifeTest, the_only_voter_cannot_leave) {
  start_cluster(1);
  Member& old = member(0);
  std::optional<Status> outcome;
  GracefulStop stop(loop_, old.log, *old.http, [&] { return old.life->node(); },
                    {.leave_cluster = true});
  loop_.post([&] { stop.begin([&](const Status& status) { outcome = status; }); });
  EXPECT_TRUE(run_until(loop_, [&] { return outcome.has_value(); }));
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().text,
            "this node could not be removed from the cluster: the change would leave no voter");
}

}  // namespace
}  // namespace lockstep::host
