#include "fake_node.h"

#include "base/check.h"

namespace lockstep::api {

namespace {

// The one node of the running test; Node::open() has no room for a script.
struct Pending {
  Standing standing = Standing::leader;
  Script* script = nullptr;
  ManualClock* clock = nullptr;
};
Pending pending;

// An environment that nobody touches: the fake keeps only the script.
struct Nothing {
  struct : env::Lanes {
    void run(env::LaneId, env::Task, env::Task) override { CHECK(false); }
    [[nodiscard]] unsigned read_lanes() const override { return 1; }
  } lanes;
  struct : env::Disk {
    Result<std::unique_ptr<env::File>> open(std::string_view, env::OpenMode) override {
      return fail(Errc::io, "no disk");
    }
    Status remove(std::string_view) override { return fail(Errc::io, "no disk"); }
    Status rename(std::string_view, std::string_view) override { return fail(Errc::io, "no disk"); }
    Status sync_dir() override { return fail(Errc::io, "no disk"); }
    Result<std::vector<std::string>> list() override { return fail(Errc::io, "no disk"); }
  } disk;
  struct : env::Peers {
    void send(const std::string&, std::string) override { CHECK(false); }
  } peers;
  struct : LogSink {
    void write(LogLevel, std::string_view, std::string_view) override {}
  } log;
};

raft::Membership members(Standing standing) {
  raft::Membership membership;
  membership.put({NodeId{"n1"}, "h1:4002", standing != Standing::learner});
  if (standing == Standing::leader) return membership;
  membership.put({NodeId{"n2"}, "h2:4002", true});
  membership.put({NodeId{"n3"}, "h3:4002", true});
  return membership;
}

std::unique_ptr<raft::Core> make_core(Standing standing, TimePoint now) {
  raft::Options options;
  options.self = {"n1"};
  raft::Recovered recovered;
  if (standing != Standing::leader) recovered.base_membership = members(standing);
  auto core = std::make_unique<raft::Core>(options, 1, recovered, now);
  raft::Effects effects;
  core->start(now, effects);
  if (standing == Standing::leader) {
    CHECK(core->bootstrap(now, members(standing), effects));
    while (core->role() != raft::Role::leader) {
      std::optional<Ticket> ticket;
      if (effects.write) ticket = effects.write->ticket;
      effects = {};
      if (ticket) {
        core->persisted(now, *ticket, effects);
      } else {
        core->deadline_reached(now += seconds(1), effects);
      }
    }
  } else if (standing != Standing::leaderless) {
    core->receive(now, {NodeId{"n2"}, NodeId{"n1"}, Term{1}, raft::Append{}}, effects);
    CHECK(core->leader() == NodeId{"n2"});
  }
  return core;
}

}  // namespace

std::unique_ptr<node::Node> make_fake_node(Standing standing, Script& script, ManualClock& clock) {
  pending = {standing, &script, &clock};
  auto& status = script.status;
  status.self = {"n1"};
  status.raft_addr = "h1:4002";
  status.api_addr = "http://h1:4001";
  status.ready = true;
  for (const auto& member : members(standing).members) {
    status.members.push_back({member, "http://" + member.address.substr(0, 3) + "4001", true});
  }
  if (standing == Standing::leader) {
    status.role = raft::Role::leader;
    status.leader = NodeId{"n1"};
    status.leader_addr = "h1:4002";
    status.leader_api_addr = "http://h1:4001";
  } else if (standing != Standing::leaderless) {
    status.leader = NodeId{"n2"};
    status.leader_addr = "h2:4002";
    status.leader_api_addr = "http://h2:4001";
  }
  Nothing nothing;
  ManualTurns turns(clock);
  return std::move(*node::Node::open(
      env::Env{clock, turns, nothing.lanes, nothing.disk, nothing.peers, nothing.log}, {}));
}

}  // namespace lockstep::api

namespace lockstep::node {

struct Node::State {
  api::Script& script;
  std::unique_ptr<raft::Core> core;
};

namespace {

void give(api::Script& script, AnswerFn done) {
  if (script.hold_answers) return script.held.push_back(std::move(done));
  if (script.answers.empty()) {
    Answer answer;
    answer.result.statements.push_back({.outcome = sql::Counters{1, 1}, .time = {}});
    answer.raft_index = {7};
    return done(std::move(answer));
  }
  auto answer = std::move(script.answers.front());
  script.answers.pop_front();
  done(std::move(answer));
}

void record(api::Script& script, std::string call, std::string command) {
  script.calls.push_back(std::move(call));
  script.command_bytes.push_back(std::move(command));
  auto decoded = wire::decode_command(script.command_bytes.back());
  CHECK(decoded.has_value());
  script.commands.push_back(std::move(*decoded));
}

}  // namespace

Node::Node(std::unique_ptr<State> state) : state_(std::move(state)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::open(env::Env env, NodeOptions) {
  auto core = api::make_core(api::pending.standing, env.clock.now());
  return std::unique_ptr<Node>(
      new Node(std::unique_ptr<State>(new State{*api::pending.script, std::move(core)})));
}

void Node::write(std::string command, AnswerFn done) {
  record(state_->script, "write", std::move(command));
  give(state_->script, std::move(done));
}

void Node::read(ReadLevel level, std::string command, Duration wait, AnswerFn done) {
  constexpr const char* kNames[] = {"none", "weak", "linearizable", "strong"};
  std::string call = std::string("read ") + kNames[static_cast<int>(level)];
  if (level == ReadLevel::linearizable) call += " " + std::to_string(wait / milliseconds(1));
  record(state_->script, std::move(call), std::move(command));
  give(state_->script, std::move(done));
}

void Node::classify(std::string command, std::move_only_function<void(bool)> done) {
  record(state_->script, "classify", std::move(command));
  done(state_->script.read_only);
}

void Node::forward(wire::Forward request, Duration, ForwardFn done) {
  auto& script = state_->script;
  script.calls.push_back("forward " + request.method + " " + request.target);
  CHECK(!script.replies.empty());
  auto reply = std::move(script.replies.front());
  script.replies.pop_front();
  done(std::move(reply));
}

void Node::remove_member(const NodeId& id, bool force, std::move_only_function<void(Status)> done) {
  state_->script.calls.push_back("remove " + id.value + (force ? " by force" : ""));
  done(state_->script.membership_result);
}

void Node::transfer_leadership(std::optional<NodeId> target,
                               std::move_only_function<void(Status)> done) {
  std::string call = "transfer";
  if (target) call.append(" ").append(target->value);
  state_->script.calls.push_back(std::move(call));
  done(state_->script.transfer_result);
}

void Node::snapshot(std::optional<std::uint64_t> keep,
                    std::move_only_function<void(Result<bool>)> done) {
  std::string call = "snapshot";
  if (keep) call.append(" ").append(std::to_string(*keep));
  state_->script.calls.push_back(std::move(call));
  done(state_->script.snapshot_result);
}

NodeStatus Node::status() const {
  return state_->script.status;
}
const raft::Core& Node::core() const {
  return *state_->core;
}
LogIndex Node::applied() const {
  return state_->script.status.applied;
}

}  // namespace lockstep::node
