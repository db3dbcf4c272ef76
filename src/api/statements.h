// /db/execute, /db/query and /db/request. Preconditions: the method was checked, the parameters
// are valid.
#pragma once

#include "api/context.h"

namespace lockstep::api {

void serve_execute(Context& context, ExchangePtr exchange);
void serve_query(Context& context, ExchangePtr exchange);
void serve_request(Context& context, ExchangePtr exchange);

// The level a node reads at: `automatic` is weak for a voter, else none.
node::ReadLevel resolve_level(Level level, bool voter);

// What a `none` read's freshness is judged by.
struct Contact {
  bool leads = false;
  std::optional<Duration> age;  // since the leader was last heard; nothing: never
  LogIndex applied, commit;
};
// freshness 0 asks for nothing; a leader is always fresh. `strict` also wants everything that is
// known to be committed to be applied here.
bool is_fresh(const Contact& contact, Duration freshness, bool strict);

}  // namespace lockstep::api
