// The handler's decisions: routing, at which level it reads, what an error becomes.
#include "api/handler.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/bugs.h"
#include "handler_fixture.h"

namespace lockstep::api {
namespace {

TEST_F(HandlerTest, every_response_has_the_common_headers) {
  start(Standing::leader);
  for (const auto& response : {get("/nowhere"), get("/status"), get("/db/execute"), get("/?q="),
                               post("/db/execute", "x"), *send("OPTIONS", "/%zz")}) {
    EXPECT_EQ(header_of(response, "X-Rqlite-Version"), "9");
    EXPECT_EQ(header_of(response, "Access-Control-Allow-Methods"), "OPTIONS, GET, POST");
    EXPECT_EQ(header_of(response, "Access-Control-Allow-Headers"), "Content-Type");
    EXPECT_EQ(header_of(response, "Access-Control-Allow-Origin"), "*");
  }
}

TEST_F(HandlerTest, checks_come_in_rqlite_s_order) {
  start(Standing::leader);
  EXPECT_EQ(send("OPTIONS", "/nowhere?timeout=x")->status, 200u);
  const auto bad_parameter = get("/nowhere?timeout=x");
  EXPECT_EQ(bad_parameter.status, 400u);
  EXPECT_EQ(bad_parameter.body, "timeout is not a valid duration\n");
  EXPECT_EQ(header_of(bad_parameter, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(get("/nowhere").status, 404u);
  EXPECT_EQ(get("/nowhere").body, "");
  EXPECT_EQ(get("/leaderx").status, 404u);
  EXPECT_EQ(get("/statusx").status, 200u);
  for (const char* path : {"/db/execute", "/boot", "/db/load", "/remove", "/snapshot"}) {
    EXPECT_EQ(get(path).status, 405u) << path;
    EXPECT_EQ(get(path).body, "") << path;
  }
  for (const char* path : {"/remove", "/db/backup", "/status", "/nodes", "/licenses"}) {
    EXPECT_EQ(post(path, "").status, 405u) << path;
  }
  EXPECT_EQ(send("DELETE", "/db/sql")->status, 405u);
  EXPECT_EQ(post("/db/execute", "{}").status, 400u);
  EXPECT_TRUE(script_.calls.empty());
}

TEST_F(HandlerTest, what_is_missing_fails_loudly) {
  start(Standing::leader);
  EXPECT_EQ(get("/db/backup").status, 501u);
  EXPECT_EQ(get("/db/backup").body, "not implemented: backup\n");
  EXPECT_EQ(post("/db/execute?queue", R"(["A"])").body, "not implemented: queued writes\n");
  EXPECT_TRUE(script_.calls.empty());
}

TEST_F(HandlerTest, the_leader_executes) {
  start(Standing::leader);
  const auto response = post("/db/execute?transaction&db_timeout=2s&raft_index", R"(["A","B"])");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body,
            R"({"results":[{"last_insert_id":1,"rows_affected":1}],"raft_index":7})");
  EXPECT_EQ(header_of(response, "Content-Type"), "application/json; charset=utf-8");
  EXPECT_EQ(header_of(response, "X-Rqlite-Served-By"), "h1:4001");
  EXPECT_EQ(script_.calls, Strings{"write"});
  EXPECT_EQ(script_.commands[0].kind, wire::CommandKind::execute);
  EXPECT_TRUE(script_.commands[0].transaction);
  EXPECT_EQ(script_.commands[0].db_timeout, seconds(2));
  EXPECT_EQ(script_.commands[0].statements.size(), 2u);
}

TEST_F(HandlerTest, plain_text_is_one_statement) {
  start(Standing::leader);
  send("POST", "/db/execute", "A;B", {{"content-type", "text/plain; charset=utf-8"}});
  ASSERT_EQ(script_.commands.size(), 1u);
  EXPECT_EQ(script_.commands[0].statements[0].sql, "A;B");
  EXPECT_EQ(send("POST", "/db/request", "A;B", {{"content-type", "text/plain"}})->body,
            "invalid JSON body\n");
}

TEST_F(HandlerTest, queries_read_at_their_level) {
  start(Standing::leader);
  get("/db/query?q=A");
  get("/db/query?q=A&level=none&freshness=1ns");
  get("/db/query?q=A&level=strong");
  get("/db/query?q=A&level=auto");
  get("/db/query?q=A&level=linearizable");
  get("/db/query?q=A&level=linearizable&linearizable_timeout=2s");
  get("/db/query?q=A&level=linearizable&linearizable_timeout=0");
  post("/db/query", R"(["A"])");
  get("/db/query");
  EXPECT_EQ(script_.calls, (Strings{"read weak", "read none", "read strong", "read weak",
                                    "read linearizable 10000", "read linearizable 2000",
                                    "read linearizable 1000", "read weak", "read weak"}));
  for (const auto& command : script_.commands) EXPECT_EQ(command.kind, wire::CommandKind::query);
  EXPECT_EQ(script_.commands[0].statements[0].sql, "A");
  EXPECT_TRUE(script_.commands[8].statements.empty());
}

TEST_F(HandlerTest, requests_that_only_read_are_read) {
  start(Standing::leader);
  post("/db/request", R"(["A"])");
  post("/db/request?level=linearizable&linearizable_timeout=9s", R"(["A"])");
  EXPECT_EQ(script_.calls,
            (Strings{"classify", "read weak", "classify", "read linearizable 1000"}));
  EXPECT_EQ(script_.commands[1].kind, wire::CommandKind::query);
}

TEST_F(HandlerTest, requests_that_write_or_are_strong_are_written) {
  start(Standing::leader);
  post("/db/request?level=strong", R"(["A"])");
  script_.read_only = false;
  post("/db/request?level=none", R"(["A"])");
  EXPECT_EQ(script_.calls, (Strings{"write", "classify", "write"}));
  EXPECT_EQ(script_.commands[0].kind, wire::CommandKind::request);
}

TEST_F(HandlerTest, bad_requests_are_refused_where_they_arrive) {
  start(Standing::follower);
  EXPECT_EQ(post("/db/execute", "[]").body, "no statements\n");
  EXPECT_TRUE(script_.calls.empty());
}

TEST_F(HandlerTest, a_full_disk_refuses_writes_clearly) {
  start(Standing::leader);
  for (const char* path : {"/db/execute", "/db/request?level=strong"}) {
    script_.answers.push_back(fail(Errc::no_space, "the disk is full"));
    const auto response = post(path, R"(["A"])");
    EXPECT_EQ(response.status, 503u);
    EXPECT_EQ(response.body, "disk is full: no writes until there is space\n");
  }
  script_.answers.push_back(fail(Errc::no_space, "the disk is full"));
  EXPECT_EQ(get("/db/query?q=A&level=strong").status, 503u);
}

TEST_F(HandlerTest, a_follower_reads_linearizable_itself) {
  start(Standing::follower);
  const auto response = get("/db/query?q=A&level=linearizable&redirect");
  EXPECT_EQ(response.body, kOneRow);
  EXPECT_EQ(header_of(response, "X-Rqlite-Served-By"), "h1:4001");
  post("/db/request?level=linearizable", R"(["A"])");
  EXPECT_EQ(script_.calls,
            (Strings{"read linearizable 10000", "classify", "read linearizable 1000"}));
}

TEST_F(HandlerTest, a_learner_reads_linearizable_itself) {
  start(Standing::learner);
  EXPECT_EQ(get("/db/query?q=A&level=linearizable").body, kOneRow);
  EXPECT_EQ(script_.calls, Strings{"read linearizable 10000"});
}

TEST_F(HandlerTest, a_follower_passes_on_a_linearizable_request_that_writes) {
  start(Standing::follower);
  script_.read_only = false;
  reply_once(done_elsewhere());
  EXPECT_EQ(post("/db/request?level=linearizable", R"(["A"])").body, "{}");
  EXPECT_EQ(script_.calls, (Strings{"classify", "forward POST /db/request?level=linearizable"}));
}

TEST_F(HandlerTest, a_linearizable_read_that_the_leader_refuses_is_passed_on) {
  start(Standing::follower);
  script_.answers.push_back(fail(Errc::not_leader, "not leader"));
  reply_once(done_elsewhere());
  EXPECT_EQ(get("/db/query?q=A&level=linearizable").body, "{}");
  EXPECT_EQ(script_.calls,
            (Strings{"read linearizable 10000", "forward GET /db/query?q=A&level=linearizable"}));
  start(Standing::leaderless);
  script_.answers.push_back(fail(Errc::no_leader, "leader not found"));
  const auto response = get("/db/query?q=A&level=linearizable");
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(response.body, "leader not found\n");
}

TEST_F(HandlerTest, a_follower_reads_none_itself) {
  start(Standing::follower);
  get("/db/query?q=A&level=none");
  post("/db/request?level=none", R"(["A"])");
  EXPECT_EQ(script_.calls, (Strings{"read none", "classify", "read none"}));
}

TEST_F(HandlerTest, a_learner_reads_auto_itself) {
  start(Standing::learner);
  get("/db/query?q=A&level=auto");
  EXPECT_EQ(script_.calls, Strings{"read none"});
}

TEST_F(HandlerTest, freshness_counts_from_the_last_word_of_the_leader) {
  start(Standing::follower);
  clock_.advance(milliseconds(100));
  EXPECT_EQ(get("/db/query?q=A&level=none&freshness=100ms").body, kOneRow);
  EXPECT_EQ(get("/db/query?q=A&level=none&freshness=99ms").body,
            R"({"results":[],"error":"stale read"})");
  start(Standing::leaderless);
  EXPECT_EQ(get("/db/query?q=A&level=none&freshness=1h").body,
            R"({"results":[],"error":"stale read"})");
  EXPECT_EQ(get("/db/query?q=A&level=none").body, kOneRow);
}

TEST_F(HandlerTest, without_a_leader_503) {
  start(Standing::leaderless);
  for (const auto& response :
       {post("/db/execute", R"(["A"])"), get("/db/query?q=A"), post("/db/request", R"(["A"])"),
        get("/leader"), post("/leader", ""), post("/leader?wait", ""),
        *send("DELETE", "/remove", R"({"id":"n2"})")}) {
    EXPECT_EQ(response.status, 503u);
    EXPECT_EQ(response.body, "leader not found\n");
  }
  EXPECT_TRUE(script_.calls.empty());
}

TEST_F(HandlerTest, an_undecided_write_is_told) {
  start(Standing::leader);
  script_.answers.push_back(fail(Errc::unknown, "x"));
  script_.answers.push_back(fail(Errc::timeout, "timed out"));
  script_.answers.push_back(fail(Errc::busy, "too many writes"));
  EXPECT_EQ(post("/db/execute", R"(["A"])").body,
            R"({"results":[],"error":"leadership lost while committing log"})");
  EXPECT_EQ(post("/db/execute", R"(["A"])").body,
            R"({"results":[],"error":"timed out; it may or may not take effect"})");
  const auto busy = post("/db/execute", R"(["A"])");
  EXPECT_EQ(busy.status, 503u);
  EXPECT_EQ(busy.body, "too many writes\n");
  EXPECT_EQ(script_.calls.size(), 3u);
}

TEST_F(HandlerTest, a_read_that_times_out_says_so) {
  start(Standing::leader);
  script_.answers.push_back(fail(Errc::timeout, "index 9: timeout waiting for fsm"));
  EXPECT_EQ(get("/db/query?q=A&level=linearizable").body,
            R"({"results":[],"error":"index 9: timeout waiting for fsm"})");
}

TEST_F(HandlerTest, an_abandoned_request_is_answered_once) {
  start(Standing::leader);
  script_.hold_answers = true;
  std::optional<Response> got;
  handler_->handle({"POST", "/db/execute", {}, R"(["A"])"},
                   Responder([&got](Response response) { got = std::move(response); }));
  ASSERT_EQ(script_.held.size(), 1u);
  EXPECT_FALSE(got);
  script_.held.clear();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 503u);
  EXPECT_EQ(header_of(*got, "X-Rqlite-Version"), "9");
}

TEST_F(HandlerTest, an_answer_after_the_handler_is_gone_is_dropped) {
  start(Standing::leader);
  script_.hold_answers = true;
  std::optional<Response> got;
  handler_->handle({"POST", "/db/execute", {}, R"(["A"])"},
                   Responder([&got](Response response) { got = std::move(response); }));
  handler_.reset();
  auto done = std::move(script_.held.at(0));
  script_.held.clear();
  done(node::Answer{});
  done = nullptr;
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 503u);
}

TEST_F(HandlerTest, infinity_is_a_500) {
  start(Standing::leader);
  node::Answer answer;
  answer.result.statements.push_back(
      {.outcome = sql::Rows{{"a"}, {""}, {}, {std::numeric_limits<double>::infinity()}},
       .time = {}});
  script_.answers.push_back(std::move(answer));
  const auto response = get("/db/query?q=A");
  EXPECT_EQ(response.status, 500u);
  EXPECT_EQ(header_of(response, "Content-Type"), "text/plain; charset=utf-8");
}

TEST_F(HandlerTest, bug_failed_but_proposed_lies_about_an_undecided_write) {
  start(Standing::leader);
  switch_bug_on(Bug::failed_but_proposed);
  script_.answers.push_back(fail(Errc::unknown, ""));
  const auto response = post("/db/execute", R"(["A"])");
  switch_bug_on(Bug::none);
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(response.body, "leader not found\n");
}

}  // namespace
}  // namespace lockstep::api
