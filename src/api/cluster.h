// Endpoints about the cluster: /status, /nodes, /leader (GET), /remove, /readyz.
#pragma once

#include "api/context.h"

namespace lockstep::api {

void serve_status(Context& context, ExchangePtr exchange);
void serve_nodes(Context& context, ExchangePtr exchange);
void serve_leader(Context& context, ExchangePtr exchange);
void serve_remove(Context& context, ExchangePtr exchange);
void serve_readyz(Context& context, ExchangePtr exchange);

// The node id in a /remove body: an object with the one key "id". Nothing: the body is not that.
std::optional<std::string> parse_remove(std::string_view body);

// What /readyz says before it looks at the database.
struct Readiness {
  unsigned status = 200;
  std::string body;
};
Readiness readiness_of(const node::NodeStatus& status, Duration timeout);

}  // namespace lockstep::api
