// What this node cannot do goes to the leader: by redirect if the client wants that, else by
// passing the whole request on, once.
//
// At most once: another attempt is made only after an answer that says "certainly not executed".
#pragma once

#include "api/context.h"

namespace lockstep::api {

// For a request that needs the leader on a node that does not lead. One that another node passed on
// is answered "misdirected" instead.
void pass_on(Context& context, ExchangePtr exchange);

// For a request that was certainly not executed because leadership is on the move: it is served
// again from the start after a pause, here or (if it came from another node) there. Without a
// better outcome in time it is answered 503 and `why`.
void serve_later(Context& context, ExchangePtr exchange, std::string why);

// 301 to the leader's API, or 500 if its address is not known.
Response redirect_response(const std::string& leader_api_addr, const Target& target);

}  // namespace lockstep::api
