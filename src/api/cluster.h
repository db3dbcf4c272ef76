// Endpoints about the cluster and this node: /status, /nodes, /leader, /remove, /readyz, /snapshot,
// /reap.
#pragma once

#include "api/context.h"

namespace lockstep::api {

void serve_status(Context& context, ExchangePtr exchange);
void serve_nodes(Context& context, ExchangePtr exchange);
void serve_leader(Context& context, ExchangePtr exchange);
void serve_remove(Context& context, ExchangePtr exchange);
void serve_readyz(Context& context, ExchangePtr exchange);
void serve_snapshot(Context& context, ExchangePtr exchange);
void serve_reap(Context& context, ExchangePtr exchange);

// `json` as a 200, indented if that was asked for.
Response json_page(const Exchange& exchange, std::string json);

// A /remove body: an object with a string "id" and maybe a boolean "force" (which rqlite does not
// know), and nothing else. Nothing: the body is not that.
struct Removal {
  std::string id;
  bool force = false;
};
std::optional<Removal> parse_remove(std::string_view body);

// To whom a POST /leader request wants to hand leadership; nothing: to whoever is ready. The body
// counts only if it is labelled application/json. Errc::invalid with the text of a 400 answer.
Result<std::optional<NodeId>> transfer_target(const Request& request);

// What /readyz says before it looks at the database.
struct Readiness {
  unsigned status = 200;
  std::string body;
};
Readiness readiness_of(const node::NodeStatus& status, Duration timeout);

}  // namespace lockstep::api
