// A handler on a scripted node (fake_node.h), and requests sent to it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fake_node.h"

namespace lockstep::api {

using Strings = std::vector<std::string>;

inline constexpr const char* kOneRow = R"({"results":[{"last_insert_id":1,"rows_affected":1}]})";

inline std::string header_of(const Response& response, std::string_view name) {
  for (const Headers& headers :
       {response.common ? *response.common : Headers{}, response.headers}) {
    for (const auto& [known, value] : headers) {
      if (known == name) return value;
    }
  }
  return "";
}

class HandlerTest : public testing::Test {
 protected:
  void start(Standing standing) {
    handler_.reset();
    node_ = make_fake_node(standing, script_, clock_);
    HandlerOptions options;
    options.version = "9";
    options.http_adv_addr = "h1:4001";
    options.http_allow_origin = "*";
    options.turns = &turns_;
    handler_ = std::make_unique<Handler>(*node_, clock_, options);
  }

  // Answers of all timers included; nothing if it is still waiting.
  std::optional<Response> send(std::string method, std::string target, std::string body = {},
                               Headers headers = {}) {
    auto slot = std::make_shared<std::optional<Response>>();
    handler_->handle({std::move(method), std::move(target), std::move(headers), std::move(body)},
                     Responder([slot](Response response) {
                       EXPECT_FALSE(slot->has_value()) << "answered twice";
                       *slot = std::move(response);
                     }));
    while (!*slot && turns_.run_next()) {
    }
    return *slot;
  }
  Response get(std::string target) { return send("GET", std::move(target)).value(); }
  Response post(std::string target, std::string body) {
    return send("POST", std::move(target), std::move(body)).value();
  }
  wire::ForwardReply forwarded(std::string method, std::string target, std::string body) {
    std::optional<wire::ForwardReply> got;
    wire::Forward request;
    request.id = 5;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    handler_->serve_forwarded(std::move(request),
                              [&got](wire::ForwardReply reply) { got = std::move(reply); });
    return got.value();
  }
  void reply_once(wire::ForwardReply reply) { script_.replies.push_back(std::move(reply)); }

  ManualClock clock_;
  ManualTurns turns_{clock_};
  Script script_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<Handler> handler_;
};

inline wire::ForwardReply done_elsewhere() {
  wire::ForwardReply reply;
  reply.status = 200;
  reply.headers = {{"X-Rqlite-Served-By", "h2:4002"}};
  reply.body = "{}";
  return reply;
}

inline wire::ForwardReply does_not_lead() {
  wire::ForwardReply reply;
  reply.not_leader = true;
  return reply;
}

}  // namespace lockstep::api
