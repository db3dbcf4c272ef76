// What the endpoints share: the node they serve, and one request on its way to its answer.
#pragma once

#include <memory>

#include "api/handler.h"
#include "api/params.h"
#include "api/url.h"
#include "node/lifeline.h"

namespace lockstep::api {

struct Context {
  node::Node& node;
  const env::Clock& clock;
  HandlerOptions options;
  NodeId self;
  TimePoint started;
  WallTime started_wall;
  std::shared_ptr<const Headers> common_headers;  // on every response
  node::Lifeline life;

  [[nodiscard]] bool leads() const { return node.core().role() == raft::Role::leader; }
};

struct Exchange;
// Whoever holds it owes the client an answer; dropping it answers 503.
using ExchangePtr = std::unique_ptr<Exchange>;
using Serve = void (*)(Context&, ExchangePtr);

struct Exchange {
  Request request;
  Target target;
  Params params;
  Responder responder;
  TimePoint started;
  Serve serve = nullptr;    // the endpoint; called again when another try is due
  bool forwarded = false;   // came from another node and must not be passed on
  bool is_write = false;    // may change something
  unsigned attempts = 0;    // how often it was passed on, or looked for a leader in vain
  bool sent_again = false;  // only with the bug forward_retried
};

// The request's Content-Type begins with text/plain.
bool is_plain_text(const Request& request);

}  // namespace lockstep::api
