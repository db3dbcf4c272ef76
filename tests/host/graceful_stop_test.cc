#include "host/graceful_stop.h"

#include <gtest/gtest.h>

#include "host/http_server.h"
#include "world.h"

namespace lockstep::host {
namespace {

// Without a node: between two lives, or before the first. What nodes do, node_life_test.cc shows.
class GracefulStopTest : public testing::Test {
 protected:
  void begin(GracefulStop::Options options) {
    stop_ = std::make_unique<GracefulStop>(loop_, log_, server_, [] { return nullptr; }, options);
    stop_->begin([this](const Status& status) {
      EXPECT_FALSE(outcome_) << "told twice";
      outcome_ = status;
    });
  }

  Loop loop_;
  RecordingLog log_;
  Listening socket_ = listen_anywhere();
  std::vector<api::Responder> waiting_;
  HttpServer server_{
      loop_, log_, socket_, HttpOptions{},
      [this](api::Request, api::Responder responder) { waiting_.push_back(std::move(responder)); }};
  std::unique_ptr<GracefulStop> stop_;
  std::optional<Status> outcome_;
};

TEST_F(GracefulStopTest, an_idle_server_stops_at_once) {
  begin({.leave_cluster = true, .drain_limit = std::chrono::hours(1)});
  EXPECT_FALSE(outcome_) << "never inside the call";
  EXPECT_TRUE(run_until(loop_, [&] { return outcome_.has_value(); }));
  EXPECT_TRUE(*outcome_);
}

TEST_F(GracefulStopTest, requests_in_work_are_finished) {
  TcpClient client(socket_.port);
  ASSERT_TRUE(client.send(loop_, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(run_until(loop_, [&] { return waiting_.size() == 1; }));
  begin({.drain_limit = std::chrono::hours(1)});
  run_for(loop_, milliseconds(20));
  EXPECT_FALSE(outcome_);
  waiting_.front().answer({.status = 200, .headers = {}, .body = "late"});
  EXPECT_TRUE(run_until(loop_, [&] { return outcome_ && client.closed(); }));
  EXPECT_TRUE(client.received().ends_with("late"));
}

TEST_F(GracefulStopTest, nobody_is_waited_for_longer_than_the_limit) {
  TcpClient client(socket_.port);
  ASSERT_TRUE(client.send(loop_, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(run_until(loop_, [&] { return waiting_.size() == 1; }));
  begin({.drain_limit = milliseconds(30)});
  EXPECT_TRUE(run_until(loop_, [&] { return outcome_.has_value(); }));
  waiting_.front().answer({.status = 200, .headers = {}, .body = ""});
  run_for(loop_, milliseconds(20));
}

}  // namespace
}  // namespace lockstep::host
