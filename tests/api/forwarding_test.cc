// What needs the leader reaches it, once: redirects, forwarding, new tries after a refusal, and no
// new try when the outcome is not known.
#include "api/forwarding.h"

#include <gtest/gtest.h>

#include "base/bugs.h"
#include "handler_fixture.h"

namespace lockstep::api {
namespace {

TEST_F(HandlerTest, a_follower_passes_on_what_needs_the_leader) {
  start(Standing::follower);
  for (int i = 0; i < 4; ++i) reply_once(done_elsewhere());
  const auto response = post("/db/execute?x", R"(["A"])");
  EXPECT_EQ(response.body, "{}");
  EXPECT_EQ(header_of(response, "X-Rqlite-Served-By"), "h2:4002");
  EXPECT_EQ(header_of(response, "X-Rqlite-Version"), "9");
  get("/db/query?q=A");
  post("/db/request", R"(["A"])");
  get("/db/query?q=A&level=auto");
  EXPECT_EQ(script_.calls,
            (Strings{"forward POST /db/execute?x", "forward GET /db/query?q=A",
                     "forward POST /db/request", "forward GET /db/query?q=A&level=auto"}));
}

TEST_F(HandlerTest, a_write_in_a_none_request_is_passed_on) {
  start(Standing::follower);
  script_.read_only = false;
  reply_once(done_elsewhere());
  post("/db/request?level=none", R"(["A"])");
  EXPECT_EQ(script_.calls, (Strings{"classify", "forward POST /db/request?level=none"}));
}

TEST_F(HandlerTest, redirects_name_the_leader) {
  start(Standing::follower);
  const auto response = post("/db/execute?redirect&pretty", R"(["A"])");
  EXPECT_EQ(response.status, 301u);
  EXPECT_EQ(header_of(response, "Location"), "http://h2:4001/db/execute?redirect&pretty");
  script_.status.leader_api_addr.clear();
  EXPECT_EQ(post("/db/execute?redirect", R"(["A"])").status, 500u);
  EXPECT_TRUE(script_.calls.empty());
}

TEST_F(HandlerTest, refused_forwards_are_tried_again_after_a_pause) {
  start(Standing::follower);
  reply_once(does_not_lead());
  script_.replies.push_back(fail(Errc::not_leader, ""));
  script_.replies.push_back(fail(Errc::no_leader, ""));
  reply_once(done_elsewhere());
  const TimePoint before = clock_.now();
  EXPECT_EQ(post("/db/execute", R"(["A"])").status, 200u);
  EXPECT_EQ(script_.calls.size(), 4u);
  EXPECT_EQ(clock_.now() - before, milliseconds(50 + 100 + 150));
}

TEST_F(HandlerTest, refusals_without_end_are_503) {
  start(Standing::follower);
  for (int i = 0; i < 20; ++i) reply_once(does_not_lead());
  EXPECT_EQ(post("/db/execute", R"(["A"])").body, "leader not found\n");
  EXPECT_EQ(script_.calls.size(), 8u);
  script_.calls.clear();
  EXPECT_EQ(post("/db/execute?timeout=120ms", R"(["A"])").status, 503u);
  EXPECT_EQ(script_.calls.size(), 2u);
}

TEST_F(HandlerTest, an_undecided_forward_is_told_and_never_repeated) {
  start(Standing::follower);
  script_.replies.push_back(fail(Errc::unknown, "x"));
  EXPECT_EQ(post("/db/execute", R"(["A"])").body,
            R"({"results":[],"error":"leadership lost while committing log"})");
  script_.replies.push_back(fail(Errc::timeout, "timed out"));
  EXPECT_EQ(post("/db/execute", R"(["A"])").body,
            R"({"results":[],"error":"timed out; it may or may not take effect"})");
  script_.replies.push_back(fail(Errc::busy, "too many"));
  EXPECT_EQ(post("/db/execute", R"(["A"])").status, 503u);
  EXPECT_EQ(script_.calls.size(), 3u);
}

TEST_F(HandlerTest, a_write_refused_while_leadership_moves_is_tried_again) {
  start(Standing::leader);
  script_.answers.push_back(fail(Errc::refused, "leadership is being transferred"));
  script_.answers.push_back(fail(Errc::refused, "leadership is being transferred"));
  const TimePoint before = clock_.now();
  EXPECT_EQ(post("/db/execute", R"(["A"])").body, kOneRow);
  EXPECT_EQ(script_.calls, (Strings{"write", "write", "write"}));
  EXPECT_EQ(clock_.now() - before, milliseconds(50 + 100));
}

TEST_F(HandlerTest, a_write_refused_to_the_end_says_why) {
  start(Standing::leader);
  for (int i = 0; i < 20; ++i) script_.answers.push_back(fail(Errc::refused, "not now"));
  const auto response = post("/db/execute", R"(["A"])");
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(response.body, "not now\n");
  EXPECT_EQ(script_.calls.size(), 8u);
}

TEST_F(HandlerTest, a_forwarded_write_refused_while_leadership_moves_goes_back) {
  start(Standing::leader);
  script_.answers.push_back(fail(Errc::refused, "leadership is being transferred"));
  EXPECT_TRUE(forwarded("POST", "/db/execute", R"(["A"])").not_leader);
  EXPECT_EQ(script_.calls, Strings{"write"});
}

// The node asked last led a moment ago: unlike where no leader was known to begin with, a new one
// is worth waiting for.
TEST_F(HandlerTest, a_write_that_just_lost_its_leader_waits_for_the_next) {
  start(Standing::leaderless);
  script_.answers.push_back(fail(Errc::not_leader, "not leader"));
  EXPECT_EQ(get("/db/query?q=A&level=linearizable").body, kOneRow);
  EXPECT_EQ(script_.calls, (Strings{"read linearizable 10000", "read linearizable 10000"}));
}

TEST_F(HandlerTest, a_forwarded_request_goes_no_further) {
  start(Standing::follower);
  const auto reply = forwarded("POST", "/db/execute?redirect", R"(["A"])");
  EXPECT_TRUE(reply.not_leader);
  EXPECT_EQ(reply.id, 5u);
  EXPECT_TRUE(forwarded("GET", "/db/query?q=A&level=linearizable", "").not_leader);
  EXPECT_TRUE(forwarded("POST", "/leader?wait", "").not_leader);
  EXPECT_TRUE(script_.calls.empty());
  start(Standing::leader);
  script_.answers.push_back(fail(Errc::not_leader, ""));
  EXPECT_TRUE(forwarded("POST", "/db/execute", R"(["A"])").not_leader);
  EXPECT_EQ(script_.calls, Strings{"write"});
}

TEST_F(HandlerTest, the_leader_serves_forwarded_requests) {
  start(Standing::leader);
  const auto reply = forwarded("POST", "/db/execute", R"(["A"])");
  EXPECT_FALSE(reply.not_leader);
  EXPECT_EQ(reply.status, 200u);
  EXPECT_EQ(reply.body, kOneRow);
  const Headers expected = {{"Content-Type", "application/json; charset=utf-8"},
                            {"X-Rqlite-Served-By", "h1:4002"}};
  EXPECT_EQ(reply.headers, expected);
}

TEST_F(HandlerTest, bug_forward_retried_sends_an_undecided_write_twice) {
  start(Standing::follower);
  switch_bug_on(Bug::forward_retried);
  script_.replies.push_back(fail(Errc::timeout, ""));
  reply_once(done_elsewhere());
  script_.replies.push_back(fail(Errc::timeout, "read"));
  EXPECT_EQ(post("/db/execute", R"(["A"])").status, 200u);
  EXPECT_EQ(script_.calls.size(), 2u);
  EXPECT_EQ(get("/db/query?q=A").body, R"({"results":[],"error":"read"})");
  switch_bug_on(Bug::none);
  EXPECT_EQ(script_.calls.size(), 3u);
}

}  // namespace
}  // namespace lockstep::api
