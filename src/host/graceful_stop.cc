#include "host/graceful_stop.h"

#include <algorithm>
#include <utility>

#include "api/json_response.h"
#include "host/http_server.h"
#include "host/loop.h"

namespace lockstep::host {

namespace {

constexpr Duration kLeaderPoll = milliseconds(10);
constexpr Duration kTransferPause = milliseconds(50);
constexpr unsigned kLeaveAttempts = 5;
constexpr Duration kLeavePause = milliseconds(250);
constexpr Duration kLeaveAnswerLimit = seconds(5);
constexpr Duration kLeaveLimit = seconds(10);

bool can_hand_over(const node::NodeStatus& status) {
  return status.role == raft::Role::leader &&
         std::ranges::any_of(status.members, [&](const node::PeerStatus& peer) {
           return peer.member.voter && peer.member.id != status.self;
         });
}

wire::Forward remove_request(const NodeId& id) {
  wire::Forward request;
  request.method = "DELETE";
  request.target = "/remove";
  request.body = "{\"id\":";
  api::append_json_string(request.body, id.value);
  request.body += '}';
  return request;
}

// An answer to DELETE /remove as a Status.
Status removal_of(const Result<wire::ForwardReply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  if (reply->not_leader) return fail(Errc::not_leader, "leadership moved");
  if (reply->status == 200) return {};
  std::string text = reply->body;
  while (text.ends_with('\n')) text.pop_back();
  return fail(Errc::refused, std::move(text));
}

}  // namespace

GracefulStop::GracefulStop(Loop& loop, LogSink& log, HttpServer& http,
                           std::function<node::Node*()> node, Options options)
    : loop_(loop), log_(log), http_(http), node_(std::move(node)), options_(options) {}

void GracefulStop::begin(std::function<void(Status)> done) {
  done_ = std::move(done);
  step_down();
}

// The way to the next step, taken once: by whoever calls it, or by itself when time is up.
std::function<void()> GracefulStop::next(Duration limit, void (GracefulStop::*step)()) {
  const std::uint64_t current = ++step_;
  std::function<void()> go = life_.guard([this, current, step] {
    if (over(current)) return;
    ++step_;
    (this->*step)();
  });
  loop_.at(loop_.now() + limit, go);
  // A turn of its own: callers are often inside a callback of the node.
  return [this, go] { loop_.post(go); };
}

void GracefulStop::step_down() {
  node::Node* node = node_();
  if (!options_.step_down || node == nullptr || !can_hand_over(node->status())) return leave();
  log_.write(LogLevel::info, "node", "handing leadership on");
  go_on_ = next(options_.step_down_limit, &GracefulStop::leave);
  try_to_step_down();
}

void GracefulStop::try_to_step_down() {
  node::Node* node = node_();
  if (node == nullptr) return go_on_();
  node->transfer_leadership({}, life_.guard([this, step = step_](const Status& status) {
    if (over(step)) return;
    if (status || status.error().code == Errc::not_leader) return await_leader();
    log_.write(LogLevel::info, "node", "leadership stays here: " + status.error().text);
    if (status.error().code == Errc::invalid) return go_on_();
    loop_.at(loop_.now() + kTransferPause, life_.guard([this, step] {
      if (!over(step)) try_to_step_down();
    }));
  }));
}

// Requests that come here find the way to the new leader from now on.
void GracefulStop::await_leader() {
  node::Node* node = node_();
  if (node == nullptr) return go_on_();
  if (const auto leader = node->status().leader) {
    log_.write(LogLevel::info, "node", "node " + leader->value + " leads now");
    return go_on_();
  }
  loop_.at(loop_.now() + kLeaderPoll, life_.guard([this, step = step_] {
    if (!over(step)) await_leader();
  }));
}

void GracefulStop::leave() {
  if (!options_.leave_cluster || node_() == nullptr) return drain();
  log_.write(LogLevel::info, "node", "leaving the cluster");
  outcome_ = fail(Errc::timeout, "this node could not be removed from the cluster in time");
  go_on_ = next(kLeaveLimit, &GracefulStop::drain);
  try_to_leave();
}

void GracefulStop::try_to_leave() {
  node::Node* node = node_();
  if (node == nullptr) return left(fail(Errc::no_leader, "the node is not open"));
  const auto status = node->status();
  const auto step = step_;
  if (status.role == raft::Role::leader)
    return node->remove_member(status.self, /*force=*/false,
                               life_.guard([this, step](const Status& done) {
                                 if (!over(step)) left(done);
                               }));
  node->forward(remove_request(status.self), kLeaveAnswerLimit,
                life_.guard([this, step](const Result<wire::ForwardReply>& reply) {
                  if (!over(step)) left(removal_of(reply));
                }));
}

// Asking twice is harmless: who is gone already is removed successfully.
void GracefulStop::left(const Status& status) {
  outcome_ = status;
  if (status) {
    log_.write(LogLevel::info, "node", "this node has left the cluster");
    return go_on_();
  }
  outcome_ = fail(status.error().code,
                  "this node could not be removed from the cluster: " + status.error().text);
  const bool final = status.error().code == Errc::invalid;
  if (final || ++attempts_ >= kLeaveAttempts) return go_on_();
  loop_.at(loop_.now() + kLeavePause, life_.guard([this, step = step_] {
    if (!over(step)) try_to_leave();
  }));
}

void GracefulStop::drain() {
  go_on_ = next(options_.drain_limit, &GracefulStop::snapshot);
  http_.drain(go_on_);
}

void GracefulStop::snapshot() {
  node::Node* node = node_();
  if (node == nullptr || node->status().applied <= node->status().durable) return finish();
  go_on_ = next(options_.snapshot_limit, &GracefulStop::finish);
  node->snapshot({}, life_.guard([this, step = step_](const Result<bool>& made) {
    if (over(step)) return;
    if (!made) log_.write(LogLevel::warning, "node", "no snapshot: " + made.error().text);
    go_on_();
  }));
}

void GracefulStop::finish() {
  done_(outcome_);
}

}  // namespace lockstep::host
