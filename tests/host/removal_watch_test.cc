#include "host/removal_watch.h"

#include <gtest/gtest.h>

#include "host/http_server.h"
#include "world.h"

namespace lockstep::host {
namespace {

const NodeId kSelf{"3"};

// What /nodes?ver=2&nonvoters says: nodes 1 and 2, of which 1 leads, and perhaps `more`.
std::string nodes(const std::string& leader_api, const std::string& more = "") {
  return R"({"nodes":[{"id":"1","api_addr":")" + leader_api +
         R"(","addr":"a:2","voter":true,"reachable":true,"leader":true},)"
         R"({"id":"2","addr":"b:2","voter":true,"reachable":true,"leader":false})" +
         more + "]}";
}

TEST(SaysRemoved, only_the_leader_is_believed) {
  EXPECT_TRUE(says_removed(nodes("http://a:1"), "http://a:1", kSelf));
  EXPECT_FALSE(says_removed(nodes("http://a:1"), "http://b:1", kSelf)) << "a follower may lag";
  EXPECT_FALSE(
      says_removed(nodes("http://a:1", R"(,{"id":"3","leader":false})"), "http://a:1", kSelf));
}

TEST(SaysRemoved, nonsense_is_not_believed) {
  for (const char* body : {"", "{}", "[]", R"({"nodes":[]})", R"({"nodes":{}})", R"({"nodes":[1]})",
                           "store not open\n"})
    EXPECT_FALSE(says_removed(body, "http://a:1", kSelf)) << body;
}

class RemovalWatchTest : public testing::Test {
 protected:
  RemovalWatchTest() {
    const Listening socket = listen_anywhere();
    api_ = "http://127.0.0.1:" + std::to_string(socket.port);
    server_ = std::make_unique<HttpServer>(
        loop_, log_, socket, HttpOptions{}, [this](api::Request request, api::Responder responder) {
          asked_.push_back(request.target);
          responder.answer({.status = 200, .headers = {}, .body = body_});
        });
    status_.self = kSelf;
    status_.members = {{{NodeId{"1"}, "a:2", true}, api_, true},
                       {{kSelf, "c:2", true}, "http://c:1", true}};
    status_.leader_contact_age = milliseconds(50);
  }

  Loop loop_;
  RecordingLog log_;
  std::string api_;
  std::string body_;
  std::vector<std::string> asked_;
  std::unique_ptr<HttpServer> server_;
  node::NodeStatus status_;
  int removed_ = 0;
  RemovalWatch watch_{loop_, [this] { ++removed_; }};
};

TEST_F(RemovalWatchTest, who_hears_a_leader_asks_nobody) {
  body_ = nodes(api_);
  watch_.look(status_);
  status_.role = raft::Role::leader;
  status_.leader_contact_age.reset();
  watch_.look(status_);
  run_for(loop_, milliseconds(50));
  EXPECT_TRUE(asked_.empty());
}

TEST_F(RemovalWatchTest, a_silent_leader_that_knows_this_node_is_no_removal) {
  body_ = nodes(api_, R"(,{"id":"3","leader":false})");
  status_.leader_contact_age = seconds(9);
  watch_.look(status_);
  EXPECT_TRUE(run_until(loop_, [&] { return asked_.size() == 1; }));
  run_for(loop_, milliseconds(50));
  EXPECT_EQ(removed_, 0);
  EXPECT_EQ(asked_.front(), "/nodes?ver=2&nonvoters");
}

TEST_F(RemovalWatchTest, a_leader_that_does_not_know_this_node_has_removed_it) {
  body_ = nodes(api_);
  status_.leader_contact_age.reset();
  watch_.look(status_);
  EXPECT_TRUE(run_until(loop_, [&] { return removed_ == 1; }));
  watch_.look(status_);
  run_for(loop_, milliseconds(50));
  EXPECT_EQ(removed_, 1) << "said once";
}

TEST_F(RemovalWatchTest, a_log_without_this_node_says_it_too) {
  status_.members.pop_back();
  watch_.look(status_);
  EXPECT_EQ(removed_, 0) << "it is only joining";
  status_.members.push_back({{kSelf, "c:2", true}, "", true});
  watch_.look(status_);
  status_.members.pop_back();
  watch_.look(status_);
  EXPECT_EQ(removed_, 1);
}

}  // namespace
}  // namespace lockstep::host
