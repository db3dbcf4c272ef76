#include "node/node.h"

#include <utility>

#include "base/check.h"
#include "node/state.h"

namespace lockstep::node {
namespace {

Error about(std::string_view what, Error error) {
  return {error.code, std::string(what) + ": " + error.text};
}

Status open_log(env::Disk& disk, const NodeOptions& options, Storage& storage) {
  auto vote = storage::VoteFile::open(disk, options.self);
  if (!vote) return std::unexpected(about("vote file", std::move(vote).error()));
  auto log = storage::RaftLog::open(disk, options.log);
  if (!log) return std::unexpected(about("raft log", std::move(log).error()));
  if (log->created && (*vote)->state() != raft::HardState{})
    return fail(Errc::corrupt,
                "raft log: missing, but this node has voted; it must not start empty");
  storage.vote = std::move(*vote);
  storage.log = std::move(log->log);
  storage.recovered = std::move(log->recovered);
  storage.recovered.hard = storage.vote->state();
  return {};
}

Status open_database(env::Env env, const NodeOptions& options, Storage& storage) {
  auto database = sql::Database::open(env.disk, options.database);
  if (!database) return std::unexpected(about("database", std::move(database).error()));
  storage.database = std::move(*database);
  for (unsigned i = 0; i < env.lanes.read_lanes(); ++i) {
    TRY_ASSIGN(auto reader, storage.database->new_reader());
    storage.readers.push_back(std::move(reader));
  }
  return {};
}

// The database never holds more than the log does: entries are applied only when they are durable
// here.
Status check_agreement(Storage& storage) {
  auto& recovered = storage.recovered;
  const LogIndex applied = storage.database->applied();
  const LogIndex last = recovered.base.index + recovered.terms.size();
  if (applied > last)
    return fail(Errc::corrupt, "the database is at index " + to_string(applied) +
                                   " but the raft log ends at " + to_string(last));
  if (applied < recovered.base.index)
    return fail(Errc::corrupt, "the raft log begins after index " +
                                   to_string(recovered.base.index) + " but the database is at " +
                                   to_string(applied));
  recovered.commit = applied;
  return {};
}

}  // namespace

Result<std::unique_ptr<Node>> Node::open(env::Env env, NodeOptions options) {
  CHECK(!options.self.value.empty());
  Storage storage;
  TRY(open_log(env.disk, options, storage));
  TRY(open_database(env, options, storage));
  TRY(check_agreement(storage));
  return std::unique_ptr<Node>(
      new Node(std::make_unique<State>(env, std::move(options), std::move(storage))));
}

Node::Node(std::unique_ptr<State> state) : state_(std::move(state)) {}
Node::~Node() = default;

void Node::start(ServeForwardFn serve, std::function<void(Error)> fatal) {
  state_->start(std::move(serve), std::move(fatal));
}

void Node::receive(std::string_view frame) {
  auto decoded = wire::decode_frame(frame);
  if (decoded) state_->receive(std::move(*decoded));
}

void Node::write(std::string command, AnswerFn done) {
  state_->proposer.write(std::move(command), std::move(done));
}

void Node::read(ReadLevel level, std::string command, Duration wait, AnswerFn done) {
  state_->reads.read(level, std::move(command), wait, std::move(done));
}

void Node::classify(std::string command, std::move_only_function<void(bool)> done) {
  auto shared = std::make_shared<std::move_only_function<void(bool)>>(std::move(done));
  // A full queue: "not read-only" sends it the way of a write, whose own bound refuses it.
  if (!state_->read_pool.classify(std::move(command),
                                  [shared](bool read_only) { (*shared)(read_only); }))
    (*shared)(false);
}

void Node::forward(wire::Forward request, Duration timeout, ForwardFn done) {
  state_->forwarder.forward(std::move(request), timeout, std::move(done));
}

void Node::change_membership(NodeId id, std::optional<raft::Member> member,
                             std::move_only_function<void(Status)> done) {
  state_->membership.change(std::move(id), std::move(member), std::move(done));
}

NodeStatus Node::status() const {
  return state_->status();
}
const raft::Core& Node::core() const {
  return state_->consensus.core();
}
LogIndex Node::applied() const {
  return state_->applier.applied();
}

}  // namespace lockstep::node
