// POST /leader, /snapshot and /reap: what an operator asks a node to do.
#include <gtest/gtest.h>

#include "api/cluster.h"
#include "handler_fixture.h"

namespace lockstep::api {
namespace {

const Headers kJson = {{"content-type", "application/json"}};

void add_member(Script& script, const std::string& id) {
  script.status.members.push_back({{NodeId{id}, id + ":4002", true}, "", true});
}

TEST_F(HandlerTest, leadership_is_handed_on_without_waiting) {
  start(Standing::leader);
  script_.transfer_result = fail(Errc::invalid, "cannot find peer");
  const auto response = post("/leader", "");
  EXPECT_EQ(response.status, 200u) << "the outcome does not matter";
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(header_of(response, "X-Rqlite-Served-By"), "h1:4001");
  EXPECT_EQ(script_.calls, Strings{"transfer"});
}

TEST_F(HandlerTest, a_waiting_transfer_tells_its_outcome) {
  start(Standing::leader);
  const auto moved = post("/leader?wait", "");
  EXPECT_EQ(moved.status, 200u);
  EXPECT_EQ(moved.body, "");
  for (const auto code : {Errc::invalid, Errc::busy, Errc::timeout}) {
    script_.transfer_result = fail(code, "cannot find peer");
    const auto response = post("/leader?wait=true", "");
    EXPECT_EQ(response.status, 500u);
    EXPECT_EQ(response.body, "stepdown: cannot find peer\n");
  }
  EXPECT_EQ(script_.calls, (Strings{"transfer", "transfer", "transfer", "transfer"}));
}

TEST_F(HandlerTest, a_transfer_names_its_target_in_json) {
  start(Standing::leader);
  add_member(script_, "n2");
  EXPECT_EQ(send("POST", "/leader?wait", R"({"id":"n2"})", kJson)->status, 200u);
  EXPECT_EQ(send("POST", "/leader", R"({"id":"n2"})", kJson)->status, 200u);
  // Only this very label makes the body count.
  EXPECT_EQ(send("POST", "/leader", R"({"id":"n2"})")->status, 200u);
  EXPECT_EQ(send("POST", "/leader", R"({"id":"n2"})",
                 {{"content-type", "application/json; charset=utf-8"}})
                ->status,
            200u);
  EXPECT_EQ(send("POST", "/leader", "", kJson)->status, 200u);
  EXPECT_EQ(send("POST", "/leader", "{}", kJson)->status, 200u);
  EXPECT_EQ(script_.calls, (Strings{"transfer n2", "transfer n2", "transfer", "transfer",
                                    "transfer", "transfer"}));
}

TEST_F(HandlerTest, targets_that_cannot_lead_are_refused) {
  start(Standing::leader);
  for (const char* target : {"/leader", "/leader?wait"}) {
    const auto self = send("POST", target, R"({"id":"n1"})", kJson).value();
    EXPECT_EQ(self.status, 500u);
    EXPECT_EQ(self.body, "stepdown: cannot step down to the current Leader\n");
    const auto stranger = send("POST", target, R"({"id":"n9"})", kJson).value();
    EXPECT_EQ(stranger.status, 500u);
    EXPECT_EQ(stranger.body, "stepdown: node not found in cluster\n");
  }
  for (const char* body : {"{", "[]", R"({"id":1})", "7"}) {
    const auto response = send("POST", "/leader", body, kJson).value();
    EXPECT_EQ(response.status, 400u) << body;
    EXPECT_TRUE(response.body.starts_with("invalid JSON: ")) << response.body;
  }
  EXPECT_TRUE(script_.calls.empty());
}

TEST_F(HandlerTest, a_follower_passes_a_transfer_on) {
  start(Standing::follower);
  reply_once(done_elsewhere());
  reply_once(done_elsewhere());
  const auto response = post("/leader?wait", "");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(header_of(response, "X-Rqlite-Served-By"), "h2:4002");
  post("/leader", "");
  EXPECT_EQ(post("/leader?redirect", "").status, 301u);
  EXPECT_EQ(script_.calls, (Strings{"forward POST /leader?wait", "forward POST /leader"}));
}

TEST_F(HandlerTest, the_leader_hands_on_for_another_node) {
  start(Standing::leader);
  const auto reply = forwarded("POST", "/leader?wait", "");
  EXPECT_EQ(reply.status, 200u);
  EXPECT_EQ(reply.headers, (Headers{{"X-Rqlite-Served-By", "h1:4002"}}));
}

TEST_F(HandlerTest, a_snapshot_is_this_nodes_own) {
  start(Standing::follower);
  const auto made = post("/snapshot", "");
  EXPECT_EQ(made.status, 200u);
  EXPECT_EQ(made.body, "");
  script_.snapshot_result = false;
  EXPECT_EQ(post("/snapshot?trailing_logs=5", "").status, 204u);
  EXPECT_EQ(post("/snapshot?trailing_logs=0", "").status, 204u);
  script_.snapshot_result = fail(Errc::busy, "an image is being installed");
  const auto failed = post("/snapshot?trailing_logs=-1", "");
  EXPECT_EQ(failed.status, 500u);
  EXPECT_EQ(failed.body, "an image is being installed\n");
  EXPECT_EQ(post("/snapshot?trailing_logs=x", "").body, "trailing_logs is not a valid integer\n");
  EXPECT_EQ(get("/snapshot").status, 405u);
  EXPECT_EQ(script_.calls, (Strings{"snapshot", "snapshot 5", "snapshot", "snapshot"}));
}

TEST_F(HandlerTest, there_is_nothing_to_reap) {
  start(Standing::follower);
  const auto response = post("/reap", "");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body, "{\"snapshots_reaped\":0,\"wals_checkpointed\":0}\n");
  EXPECT_EQ(header_of(response, "Content-Type"), "application/json; charset=utf-8");
}

}  // namespace
}  // namespace lockstep::api
