// A node::Node whose answers a test scripts. It takes the place of the real one at link time: the
// handler's decisions depend on errors that a real node gives only in rare moments. The core in it
// is real.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "api/handler.h"
#include "node/node.h"
#include "tests/manual_turns.h"

namespace lockstep::api {

// What the node was asked to do, in order: "write", "read weak", "classify", "forward /db/execute",
// "remove n2", "transfer n2" (or "transfer"), "snapshot 5" (or "snapshot").
struct Script {
  std::vector<std::string> calls;
  std::vector<wire::Command> commands;  // views into `command_bytes`
  std::deque<std::string> command_bytes;
  std::deque<Result<node::Answer>> answers;  // for write and read; none left: one row affected
  std::deque<Result<wire::ForwardReply>> replies;
  bool hold_answers = false;  // keep the callbacks instead of calling them
  std::vector<node::AnswerFn> held;
  bool read_only = true;
  Status membership_result;
  Status transfer_result;
  Result<bool> snapshot_result = true;
  node::NodeStatus status;
};

enum class Standing { leader, follower, leaderless, learner };

// Node "n1" of n1, n2, n3 (alone if leader); a follower follows n2.
std::unique_ptr<node::Node> make_fake_node(Standing standing, Script& script, ManualClock& clock);

}  // namespace lockstep::api
