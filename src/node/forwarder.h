// Forwarder: passes a client's request to the leader, at most once, and serves what others pass
// here.
//
// Frames may be doubled and late, and a write must not run twice. The receiver remembers the ids it
// has seen; what its memory cannot cover, because it may have led and restarted since, it does not
// serve (and does not call "not leader" either: an earlier copy may have been executed).
#pragma once

#include <map>
#include <string>

#include "env/env.h"
#include "node/consensus.h"
#include "node/lifeline.h"
#include "node/node.h"
#include "node/seen_requests.h"
#include "node/ticker.h"

namespace lockstep::node {

class Forwarder {
 public:
  // `run`: differs per start of this node. `started_in`: the term this run of the node began with.
  Forwarder(env::Env env, NodeId self, std::uint32_t run, Term started_in, Consensus& consensus);

  // See Node::forward().
  void forward(wire::Forward request, Duration timeout, ForwardFn done);
  void on_reply(wire::ForwardReply reply);
  // Another node passed a request here; it is served by `serve` and answered to `from`.
  void on_request(const NodeId& from, wire::Forward request, const ServeForwardFn& serve);
  // The core's term or leader changed: requests that were sent to an earlier leader are undecided.
  void status_changed();

 private:
  struct Pending {
    Term term;
    TimePoint deadline;
    ForwardFn done;
  };
  void sweep();

  env::Env env_;
  const NodeId self_;
  const Term started_in_;
  Consensus& consensus_;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t last_id_;
  SeenRequests seen_;
  Ticker sweeper_;  // while something is pending
  Lifeline life_;
};

}  // namespace lockstep::node
