#include "node/node.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
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

const raft::Membership& newest_membership(const raft::Recovered& recovered) {
  return recovered.memberships.empty() ? recovered.base_membership
                                       : recovered.memberships.back().second;
}

// The name of a cluster that goes on from `old` with these members alone: the same on all of them,
// and another than that of members who were left out, should they come back.
ClusterId name_after_recovery(ClusterId old, const raft::Membership& members) {
  RunningHash high;
  RunningHash low;
  low.add(std::uint64_t{1});
  for (auto* hash : {&high, &low}) {
    hash->add("recovered");
    hash->add(old.high);
    hash->add(old.low);
    for (const auto& member : members.members) {
      hash->add(member.id.value);
      hash->add(member.address);
      hash->add(std::uint64_t{member.voter});
    }
  }
  return {high.value(), low.value()};
}

bool same_members(const raft::Membership& a, const raft::Membership& b) {
  return std::ranges::equal(a.members, b.members, [](const auto& x, const auto& y) {
    return x.id == y.id && x.address == y.address && x.voter == y.voter;
  });
}

// See NodeOptions::recover_members. Repeated until it is done, it must come to the same.
Status recover(const raft::Membership& members, Storage& storage) {
  auto& recovered = storage.recovered;
  const raft::Membership& known = newest_membership(recovered);
  if (known.members.empty())
    return fail(
        Errc::refused,
        "raft/peers.json: this node holds nothing to go on with. Leave it out of the file on "
        "the others, remove it here, and let this node join them");
  const raft::Position fence = recovered.fence;
  if (fence.index > recovered.base.index && !log_holds(recovered, fence))
    return fail(
        Errc::refused,
        "raft/peers.json: this node was being let into the cluster and does not hold all of "
        "it yet. Leave it out of the file on the others, and let it join them with an empty "
        "data folder");
  const auto kept = storage.vote->cluster();
  // Cut short, or finished but for the file. Once the cluster has moved on, the same file says
  // something new.
  const bool moved_on = known.cluster == kept.id && !same_members(known, members);
  const bool again = !kept.id.is_nil() && !moved_on &&
                     kept.id == name_after_recovery(kept.recovered_from, members);
  if (!again) {
    const ClusterId old = kept.id.is_nil() ? known.cluster : kept.id;
    TRY(storage.vote->store_cluster({name_after_recovery(old, members), old}));
  }
  raft::Membership forced = members;
  forced.cluster = storage.vote->cluster().id;
  for (auto& member : forced.members)
    if (const auto* before = known.find(member.id)) member.api_addr = before->api_addr;
  recovered.forced = std::move(forced);
  return {};
}

// What the log says must be of the cluster that let this node in.
Status check_cluster(const Storage& storage) {
  const auto kept = storage.vote->cluster();
  const ClusterId logged = newest_membership(storage.recovered).cluster;
  const bool known = logged == kept.id || logged == kept.recovered_from;
  if (kept.id.is_nil() || logged.is_nil() || known) return {};
  return fail(Errc::refused, "this data folder is of two clusters: its log of " +
                                 to_string(logged) + ", its vote file of " + to_string(kept.id));
}

}  // namespace

Result<std::unique_ptr<Node>> Node::open(env::Env env, NodeOptions options) {
  CHECK(!options.self.value.empty());
  CHECK(!options.new_cluster.is_nil());
  Storage storage;
  TRY(open_database(env, options, storage));
  TRY(open_log(env.disk, options, storage.database->durable(), storage));
  TRY(check_agreement(storage));
  if (options.recover_members) TRY(recover(*options.recover_members, storage));
  TRY(check_cluster(storage));
  return std::unique_ptr<Node>(
      new Node(std::make_unique<State>(env, std::move(options), std::move(storage))));
}

Node::Node(std::unique_ptr<State> state) : state_(std::move(state)) {}
Node::~Node() = default;

void Node::start(ServeForwardFn serve, std::function<void(End)> ended) {
  state_->start(std::move(serve), std::move(ended));
}

void Node::receive(std::string_view frame) {
  state_->receive(frame);
}

void Node::write(std::string command, AnswerFn done) {
  if (auto error = state_->out_of_service()) return done(std::unexpected(std::move(*error)));
  state_->proposer.write(std::move(command), std::move(done));
}

void Node::read(ReadLevel level, std::string command, Duration wait, AnswerFn done) {
  if (auto error = state_->out_of_service()) return done(std::unexpected(std::move(*error)));
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
  if (auto error = state_->out_of_service()) return done(std::unexpected(std::move(*error)));
  state_->forwarder.forward(std::move(request), timeout, std::move(done));
}

void Node::change_membership(NodeId id, std::optional<raft::Member> member,
                             std::move_only_function<void(Status)> done) {
  state_->membership.change(std::move(id), std::move(member), std::move(done));
}

void Node::remove_member(const NodeId& id, bool force, std::move_only_function<void(Status)> done) {
  if (auto error = state_->out_of_service()) return done(std::unexpected(std::move(*error)));
  state_->membership.remove(id, force, std::move(done));
}

void Node::meet(const std::vector<std::string>& addresses) {
  state_->joiner.meet(addresses);
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
