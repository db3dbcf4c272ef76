// A node::Node whose answers a test scripts. It takes the place of the real one at link time: the
// handler's decisions depend on errors that a real node gives only in rare moments. The core in it
// is real.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/handler.h"
#include "node/node.h"

namespace lockstep::api {

class ManualClock final : public env::Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override { return {1'700'000'000'000}; }
  void advance(Duration by) { now_ += by; }

 private:
  TimePoint now_{seconds(100)};
};

// Timers run when the test says so.
class ManualTurns final : public env::Turns {
 public:
  explicit ManualTurns(ManualClock& clock) : clock_(clock) {}
  void post(env::Task task) override { timers_.emplace(clock_.now(), std::move(task)); }
  env::TimerId at(TimePoint when, env::Task task) override {
    timers_.emplace(when, std::move(task));
    return {1};
  }
  void cancel(env::TimerId) override {}
  // Advances to the earliest timer and runs it; false if there is none.
  bool run_next();

 private:
  ManualClock& clock_;
  std::multimap<TimePoint, env::Task> timers_;
};

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
