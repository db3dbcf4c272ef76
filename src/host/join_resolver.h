// JoinResolver: turns the -join list into Raft addresses before a new node opens. Each entry is
// asked over HTTP for GET /status:
//   - it answers with store.addr: that is the Raft address (the entry was an HTTP address);
//   - it answers HTTP without one (a node that is starting itself): asked again later;
//   - it accepts, but does not speak HTTP: the entry is a Raft address already;
//   - nobody is there: asked again later. Nodes may be started in any order.
// Once one entry is known the others get a short grace; then the list is handed on. An entry of the
// form host:port that stayed silent is handed on as it is, because joining will try it anyway.
//
// New nodes that found a cluster together (-bootstrap-expect) need each other's addresses before
// any of them is open: then a node that is starting tells its own (status_before_open()), and the
// list is handed on when all of it is known, or a short grace after one entry knows a leader: there
// is a cluster, and it will do to join that. Silent host:port count as known after a longer grace.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "host/join_target.h"

namespace lockstep::host {

class Loop;

struct JoinOptions {
  Duration give_up_after = seconds(15);  // attempts times interval
  Duration ask_interval = milliseconds(200);
  Duration ask_timeout = seconds(2);
  Duration grace = seconds(1);  // for the rest of the list
  bool expects_all = false;     // -bootstrap-expect
  Duration silence_grace = seconds(5);
};

// Errc::no_leader ("none of the -join addresses answers: ...") if nothing can be handed on.
using JoinResolved = std::function<void(Result<std::vector<std::string>>)>;

class JoinResolver {
 public:
  // Strand thread. `done` runs as a turn, once, unless this object is destroyed before.
  JoinResolver(Loop& loop, LogSink& log, std::vector<JoinTarget> targets, JoinOptions options,
               JoinResolved done);
  ~JoinResolver();
  JoinResolver(const JoinResolver&) = delete;
  JoinResolver& operator=(const JoinResolver&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// What a /status body says.
struct StatusAnswer {
  std::string raft_addr;  // store.addr; "" if it is not there or not host:port
  bool open = true;       // store.open; false: the node is only starting
  bool has_leader = false;
};
StatusAnswer read_status(const std::string& body);

// The /status of a node that is starting.
std::string status_before_open(const std::string& raft_addr);

}  // namespace lockstep::host
