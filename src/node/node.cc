#include "node/node.h"

#include <utility>

#include "base/check.h"
#include "node/state.h"

namespace lockstep::node {
namespace {

Error about(std::string_view what, Error error) {
  return {error.code, std::string(what) + ": " + error.text};
}

Status open_log(env::Disk& disk, const NodeOptions& options, const storage::DurableState& durable,
                Storage& storage) {
  auto vote = storage::VoteFile::open(disk, options.self);
  if (!vote) return std::unexpected(about("vote file", std::move(vote).error()));
  storage::LogOptions log_options = options.log;
  log_options.durable = storage::covered_by(durable);
  auto log = storage::RaftLog::open(disk, log_options);
  if (!log) return std::unexpected(about("raft log", std::move(log).error()));
  if (log->created && (*vote)->state() != raft::HardState{})
    return fail(Errc::corrupt,
                "raft log: missing, but this node has voted; it must not start empty");
  storage.vote = std::move(*vote);
  storage.log = std::move(log->log);
  storage.recovered = std::move(log->recovered);
  storage.recovered.hard = storage.vote->state();
  storage.recovered.fence = storage.vote->fence();
  storage.recovered.forced = options.recover_members;
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

bool log_holds(const raft::Recovered& recovered, raft::Position at) {
  if (at == recovered.base) return true;
  if (at.index <= recovered.base.index) return false;
  const std::uint64_t offset = at.index - recovered.base.index;
  return offset <= recovered.terms.size() && recovered.terms[offset - 1] == at.term;
}

// The database came as an image, and the log is not one that leads there: it begins anew behind it.
// What the log held above was never committed, or is in the image.
Status begin_log_at_image(const storage::DurableState& state, Storage& storage) {
  auto membership = raft::decode_membership(state.image_membership);
  if (!membership) return std::unexpected(about("manifest", std::move(membership).error()));
  const raft::Position at{state.index, state.term};
  TRY(storage.log->reset(at, *membership));
  raft::Recovered recovered;
  recovered.hard = std::move(storage.recovered.hard);
  recovered.fence = storage.recovered.fence;
  recovered.forced = std::move(storage.recovered.forced);
  recovered.base = at;
  recovered.base_membership = std::move(*membership);
  storage.recovered = std::move(recovered);
  return {};
}

// A database that grew from this log never holds more than the log does: entries are applied only
// when they are durable here.
Status check_agreement(Storage& storage) {
  const storage::DurableState state = storage.database->durable();
  const bool from_image =
      !state.image_membership.empty() && state.index >= storage.recovered.base.index;
  // A log that holds the image's last entry goes on: what it has above may be promised.
  if (from_image && !log_holds(storage.recovered, {state.index, state.term}))
    TRY(begin_log_at_image(state, storage));
  auto& recovered = storage.recovered;
  const LogIndex last = recovered.base.index + recovered.terms.size();
  if (state.index > last)
    return fail(Errc::corrupt, "the database is at index " + to_string(state.index) +
                                   " but the raft log ends at " + to_string(last));
  if (state.index < recovered.base.index)
    return fail(Errc::corrupt, "the raft log begins after index " +
                                   to_string(recovered.base.index) + " but the database is at " +
                                   to_string(state.index));
  recovered.commit = state.index;
  return {};
}

}  // namespace

Result<std::unique_ptr<Node>> Node::open(env::Env env, NodeOptions options) {
  CHECK(!options.self.value.empty());
  Storage storage;
  TRY(open_database(env, options, storage));
  TRY(open_log(env.disk, options, storage.database->durable(), storage));
  TRY(check_agreement(storage));
  return std::unique_ptr<Node>(
      new Node(std::make_unique<State>(env, std::move(options), std::move(storage))));
}

Node::Node(std::unique_ptr<State> state) : state_(std::move(state)) {}
Node::~Node() = default;

void Node::start(ServeForwardFn serve, std::function<void(End)> ended) {
  state_->start(std::move(serve), std::move(ended));
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

void Node::transfer_leadership(std::optional<NodeId> target,
                               std::move_only_function<void(Status)> done) {
  state_->handover.begin(std::move(target), std::move(done));
}

void Node::snapshot(std::optional<std::uint64_t> keep,
                    std::move_only_function<void(Result<bool>)> done) {
  state_->snapshotter.snapshot(keep, std::move(done));
}

void Node::end_reads() {
  state_->read_pool.retire();
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
