// Status pages: /status, /nodes, /leader, /remove and /readyz.
#include "api/cluster.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "api/json_object.h"
#include "api/statements.h"
#include "api/status_json.h"
#include "fake_node.h"
#include "sql/fingerprint.h"

namespace lockstep::api {
namespace {

class ClusterTest : public testing::Test {
 protected:
  void start(Standing standing) {
    node_ = make_fake_node(standing, script_, clock_);
    HandlerOptions options;
    options.version = "9";
    options.http_adv_addr = "h1:4001";
    options.turns = &turns_;
    options.host_status = [] {
      return std::vector<std::pair<std::string, std::string>>{{"os", R"({"pid":7})"}};
    };
    options.store_status = {{"trailing_logs", "10240"}};
    handler_ = std::make_unique<Handler>(*node_, clock_, options);
  }
  Response send(std::string method, std::string target, std::string body = {}) {
    auto slot = std::make_shared<std::optional<Response>>();
    handler_->handle({std::move(method), std::move(target), {}, std::move(body)},
                     Responder([slot](Response response) { *slot = std::move(response); }));
    while (!*slot && turns_.run_next()) {
    }
    return slot->value();
  }
  std::string get(std::string target) { return send("GET", std::move(target)).body; }

  ManualClock clock_;
  ManualTurns turns_{clock_};
  Script script_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<Handler> handler_;
};

TEST_F(ClusterTest, status_has_what_clients_look_for) {
  start(Standing::follower);
  script_.status.commit = {9};
  script_.status.applied = {7};
  script_.status.last_index = {10};
  script_.status.durable = {6};
  script_.status.wal_bytes = 4096;
  script_.status.voter = true;
  const std::string body = get("/status");
  const auto json = boost::json::parse(body);
  EXPECT_EQ(json.at("store").at("leader").at("node_id"), "n2");
  EXPECT_EQ(json.at("store").at("leader").at("addr"), "h2:4002");
  EXPECT_EQ(json.at("store").at("raft").at("state"), "Follower");
  EXPECT_EQ(json.at("store").at("raft").at("voter"), true);
  EXPECT_EQ(json.at("store").at("raft").at("fsm_pending"), 2);
  EXPECT_EQ(json.at("store").at("raft").at("num_peers"), 2);
  EXPECT_EQ(json.at("store").at("raft").at("last_snapshot_index"), 6);
  EXPECT_EQ(json.at("store").at("raft").at("durable_index"), 6);
  const auto& sqlite = json.at("store").at("sqlite3");
  EXPECT_EQ(sqlite.at("wal_size"), 4096);
  EXPECT_EQ(sqlite.at("version").as_string(), sql::sqlite_build().version.c_str());
  EXPECT_EQ(sqlite.at("package").as_string(), sql::sqlite_build().package.c_str());
  EXPECT_EQ(sqlite.at("source_id").as_string(), sql::sqlite_build().source_id.c_str());
  EXPECT_EQ(sqlite.at("fingerprint").as_string(), to_string(sql::fingerprint()).c_str());
  EXPECT_EQ(sqlite.at("compile_options").as_array().size(), sql::sqlite_build().options.size());
  EXPECT_EQ(json.at("store").at("disk_full"), false);
  EXPECT_EQ(json.at("store").at("trailing_logs"), 10240);
  EXPECT_EQ(json.at("store").at("fsm_index"), 7);
  EXPECT_EQ(json.at("store").at("db_applied_index"), 7);
  EXPECT_EQ(json.at("store").at("nodes").as_array().size(), 3u);
  EXPECT_EQ(json.at("build").at("version"), "9");
  EXPECT_EQ(json.at("os").at("pid"), 7);
  EXPECT_EQ(json.at("node").at("start_time"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(boost::json::parse(get("/status?pretty")), json);
  EXPECT_EQ(get("/status?key=store.raft.state"), "\"Follower\"");
  EXPECT_EQ(get("/status?key=os&pretty"), R"({"pid":7})");
  EXPECT_EQ(get("/status?key=nothing.here"), "{}");
}

TEST_F(ClusterTest, nodes_in_both_shapes) {
  start(Standing::follower);
  script_.status.members[2].reachable = false;
  script_.status.members.push_back({{NodeId{"n4"}, "h4:4002", false}, "", true});
  const std::string one =
      R"({"id":"n1","api_addr":"http://h1:4001","addr":"h1:4002","version":"9","voter":true,)"
      R"("reachable":true,"leader":false})";
  const std::string two =
      R"({"id":"n2","api_addr":"http://h2:4001","addr":"h2:4002","version":"","voter":true,)"
      R"("reachable":true,"leader":true})";
  const std::string three =
      R"({"id":"n3","addr":"h3:4002","version":"","voter":true,"reachable":false,"leader":false,)"
      R"("error":"timeout waiting for node to respond"})";
  EXPECT_EQ(get("/nodes"), "{\"n1\":" + one + ",\"n2\":" + two + ",\"n3\":" + three + "}");
  EXPECT_EQ(get("/nodes?ver=2"), "{\"nodes\":[" + one + "," + two + "," + three + "]}");
  EXPECT_NE(get("/nodes?nonvoters").find("\"n4\""), std::string::npos);
  EXPECT_EQ(get("/leader"), two);
}

TEST_F(ClusterTest, remove) {
  start(Standing::leader);
  EXPECT_EQ(send("DELETE", "/remove", R"({"id":"n9"})").status, 200u);
  EXPECT_EQ(script_.calls, std::vector<std::string>{"remove n9"}) << "the node knows, or asks";
  script_.calls.clear();
  const auto response = send("DELETE", "/remove", R"({"id":"n2"})");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(script_.calls, std::vector<std::string>{"remove n2"});
  EXPECT_EQ(send("DELETE", "/remove", R"({"id":"n2","force":true})").status, 200u);
  EXPECT_EQ(script_.calls.back(), "remove n2 by force");
  script_.membership_result = fail(Errc::refused, "no majority would be left");
  const auto refused = send("DELETE", "/remove", R"({"id":"n2"})");
  EXPECT_EQ(refused.status, 409u);
  EXPECT_EQ(refused.body, "no majority would be left\n");
  script_.membership_result = fail(Errc::invalid, "the change would leave no voter");
  EXPECT_EQ(send("DELETE", "/remove", R"({"id":"n2"})").status, 500u);
  for (const char* body : {"", "[]", "{}", R"({"id":1})", R"({"id":"a","x":"b"})", R"({"x":"a"})",
                           R"({"id":"a","force":1})", R"({"id":"a","force":true,"x":1})"}) {
    EXPECT_EQ(send("DELETE", "/remove", body).status, 400u) << body;
  }
}

TEST_F(ClusterTest, readyz_says_what_rqlite_says) {
  start(Standing::follower);
  node::Answer row;
  row.result.statements.push_back(
      {.outcome = sql::Rows{{"1"}, {""}, {}, {std::int64_t{1}}}, .time = {}});
  script_.answers.push_back(row);
  EXPECT_EQ(get("/readyz"), "[+]node ok\n[+]leader ok\n[+]store ok\n[+]db ok");
  script_.answers.push_back(row);  // of the linearizable read
  script_.answers.push_back(row);
  script_.calls.clear();
  EXPECT_EQ(get("/readyz?sync"), "[+]node ok\n[+]leader ok\n[+]store ok\n[+]sync ok\n[+]db ok");
  EXPECT_EQ(script_.calls, (std::vector<std::string>{"read linearizable 30000", "read none"}));
  script_.answers.push_back(fail(Errc::busy, "too many reads"));
  EXPECT_EQ(get("/readyz"),
            "[+]node ok\n[+]leader ok\n[+]store ok\n[+]db not ok: (too many reads, [])");
  script_.calls.clear();
  script_.answers.push_back(fail(Errc::timeout, "index 4: timeout waiting for fsm"));
  const auto late = send("GET", "/readyz?sync&timeout=120ms");
  EXPECT_EQ(late.status, 503u);
  EXPECT_EQ(late.body,
            "[+]node ok\n[+]leader ok\n[+]store ok\n[+]sync index 4: timeout waiting for fsm");
  EXPECT_EQ(script_.calls, std::vector<std::string>{"read linearizable 120"});
  script_.status.ready = false;
  EXPECT_EQ(get("/readyz"), "[+]node ok\n[+]leader ok\n[+]store not ready");
  script_.status.members[1].reachable = false;
  EXPECT_EQ(get("/readyz"),
            "[+]node ok\n[+]leader not contactable: timeout waiting for node to respond");
}

TEST_F(ClusterTest, readyz_without_a_leader) {
  start(Standing::leaderless);
  const auto response = send("GET", "/readyz");
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(response.body, "[+]node ok\n[+]leader does not exist");
  const auto alive = send("GET", "/readyz?noleader");
  EXPECT_EQ(alive.status, 200u);
  EXPECT_EQ(alive.body, "[+]node ok");
}

TEST(SelectJson, follows_the_path) {
  const std::string json = R"({ "a" : {"b":[1,{"x":"}"}], "c\"":2} , "d":"s,\"}" })";
  EXPECT_EQ(select_json(json, "a.b"), R"([1,{"x":"}"}])");
  EXPECT_EQ(select_json(json, "d"), R"("s,\"}")");
  EXPECT_EQ(select_json(json, "d.more"), R"("s,\"}")");
  EXPECT_EQ(select_json(json, "a.x"), "{}");
  EXPECT_EQ(select_json(json, "a.c\""), "2");
  EXPECT_EQ(select_json("{}", "a"), "{}");
}

TEST(Freshness, strict_wants_all_that_is_known_applied) {
  const Contact contact{.leads = false, .age = seconds(1), .applied = {4}, .commit = {5}};
  EXPECT_TRUE(is_fresh(contact, seconds(2), false));
  EXPECT_FALSE(is_fresh(contact, seconds(2), true));
  EXPECT_TRUE(is_fresh(contact, Duration::zero(), true));
}

}  // namespace
}  // namespace lockstep::api
