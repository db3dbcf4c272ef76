#include "node/state.h"

#include <utility>

namespace lockstep::node {
namespace {

NodeOptions complete(NodeOptions options) {
  options.raft.self = options.self;
  return options;
}

Proposer::Options proposer_options(const NodeOptions& options) {
  return {.pending_bytes_max = options.pending_bytes_max,
          .batch_bytes_max = options.batch_bytes_max,
          .batch_entries_max = options.batch_entries_max,
          .apply_timeout = options.apply_timeout,
          .settle_timeout = 4 * options.raft.election_timeout};
}

Applier::Options applier_options(const NodeOptions& options) {
  return {.batch_entries_max = options.batch_entries_max,
          .batch_bytes_max = options.batch_bytes_max,
          .durable_point_entries = options.durable_point_entries,
          .checkpoint_wal_bytes = options.checkpoint_wal_bytes};
}

bool belongs_to_no_cluster(const raft::Recovered& recovered) {
  return recovered.terms.empty() && recovered.hard.term <= Term{1} && !recovered.hard.vote &&
         recovered.base == raft::Position{} && recovered.base_membership.members.empty();
}

std::uint32_t run_number(const Rng& rng) {
  return static_cast<std::uint32_t>(rng.derive("run").next());
}

}  // namespace

Node::State::State(env::Env env_in, NodeOptions options_in, Storage storage)
    : env(env_in),
      options(complete(std::move(options_in))),
      rng(options.seed),
      is_new(belongs_to_no_cluster(storage.recovered)),
      vote(std::move(storage.vote)),
      log(std::move(storage.log)),
      database(std::move(storage.database)),
      consensus(env,
                {.raft = options.raft,
                 .seed = rng.derive("raft").next(),
                 .cache_bytes_max = options.cache_bytes_max,
                 .raft_addr = options.raft_addr},
                *log, *vote, storage.recovered,
                {.accepted = [this](const auto& a) { accepted(a); },
                 .refused = [this](const auto& r) { refused(r); },
                 .read_granted = [this](const auto& g) { reads.granted(g); },
                 .apply_more = [this] { applier.poke(); },
                 .status_changed = [this] { status_changed(); },
                 .disk_idle = [this] { proposer.disk_idle(); },
                 .failed = [this](Error error) { fail(std::move(error)); }}),
      proposer(env, proposer_options(options), rng.derive("stamps"), consensus),
      applier(
          env, applier_options(options), consensus, *database,
          [this](raft::Position at, sql::CommandResult result) {
            update_caught_up();
            proposer.applied(at, std::move(result));
          },
          [this](Error error) { fail(std::move(error)); }),
      read_pool(env.lanes, std::move(storage.readers), options.pending_reads_max),
      reads(env, rng.derive("reads"), consensus, proposer, applier, read_pool),
      forwarder(env, options.self, run_number(rng), storage.recovered.hard.term, consensus),
      membership(env, options, consensus, proposer,
                 [this](Error error) { fail(std::move(error)); }),
      directory(env, options.self, options.api_addr, options.version, consensus) {}

void Node::State::start(ServeForwardFn serve_in, std::function<void(Error)> fatal_in) {
  serve = std::move(serve_in);
  fatal = std::move(fatal_in);
  consensus.start();
  if (is_new && options.join.empty() && options.voter)
    consensus.bootstrap({{raft::Member{options.self, options.raft_addr, true}}});
  membership.start();
  directory.start();
  applier.poke();
}

void Node::State::receive(wire::Frame frame) {
  if (failed) return;
  const bool for_whoever_listens = frame.to.value.empty();
  if (!for_whoever_listens && frame.to != options.self) return;
  if (frame.from == options.self) return;
  consensus.note_address(frame.from, frame.reply_to);
  struct Visitor {
    State& node;
    const NodeId& from;
    void operator()(raft::Message& message) { node.consensus.receive(std::move(message)); }
    void operator()(wire::Forward& request) {
      node.forwarder.on_request(from, std::move(request), node.serve);
    }
    void operator()(wire::ForwardReply& reply) { node.forwarder.on_reply(std::move(reply)); }
    void operator()(wire::JoinAsk& ask) { node.membership.on_join_ask(ask); }
    void operator()(wire::JoinReply& reply) { node.membership.on_join_reply(reply); }
    void operator()(wire::ProbeAsk& ask) { node.directory.on_ask(from, ask); }
    void operator()(wire::ProbeReply& reply) { node.directory.on_reply(from, std::move(reply)); }
  };
  // Only a new node's "let me in" and "who are you" may come without knowing whom they reach.
  const bool open_question = std::holds_alternative<wire::JoinAsk>(frame.body) ||
                             std::holds_alternative<wire::ProbeAsk>(frame.body);
  if (for_whoever_listens && !open_question) return;
  std::visit(Visitor{*this, frame.from}, frame.body);
}

void Node::State::status_changed() {
  const bool leads = consensus.core().role() == raft::Role::leader;
  if (was_leader && !leads) {
    proposer.leadership_lost();
    membership.leadership_lost();
  }
  if (was_leader != leads)
    env.log.write(LogLevel::info, "raft",
                  (leads ? "leader in term " : "no longer leader; term ") +
                      to_string(consensus.core().term()));
  was_leader = leads;
  update_caught_up();
  forwarder.status_changed();
}

// The node's turns may still run until the owner destroys it; nothing is acknowledged any more
// because the lane that failed completes nothing.
void Node::State::fail(Error error) {
  if (failed) return;
  failed = true;
  env.log.write(LogLevel::error, "node", error.text);
  env.turns.post(life.guard([this, error = std::move(error)] { fatal(error); }));
}

void Node::State::accepted(const raft::Accepted& a) {
  if (membership.owns(a.id)) return membership.accepted(a);
  proposer.accepted(a);
}

void Node::State::refused(const raft::Refused& r) {
  if (membership.owns(r.id)) return membership.refused(r);
  if (reads.owns(r.id)) return reads.refused(r);
  proposer.refused(r);
}

// A restarted node is not ready while it replays what the cluster has long committed. "Once" is
// enough: afterwards it lags by no more than any follower does.
void Node::State::update_caught_up() {
  if (caught_up || !consensus.core().leader()) return;
  const auto& core = consensus.core();
  // The commit index means something only once an entry of the leader's term is committed here.
  caught_up = applier.applied() >= core.commit() && core.term_at(core.commit()) == core.term();
}

NodeStatus Node::State::status() const {
  const auto& core = consensus.core();
  NodeStatus status;
  status.self = options.self;
  status.raft_addr = options.raft_addr;
  status.api_addr = options.api_addr;
  status.role = core.role();
  status.voter = core.membership().is_voter(options.self);
  status.term = core.term();
  status.leader = core.leader();
  if (status.leader) {
    status.leader_addr = consensus.address_of(*status.leader);
    const auto* entry = directory.find(*status.leader);
    status.leader_api_addr =
        *status.leader == options.self ? options.api_addr : (entry ? entry->api_addr : "");
  }
  status.first_index = core.first_index();
  status.last_index = core.last_index();
  status.commit = core.commit();
  status.applied = applier.applied();
  status.durable = applier.durable();
  status.wal_bytes = applier.wal_bytes();
  status.ready = status.leader && caught_up;
  if (const auto contact = core.leader_contact())
    status.leader_contact_age = env.clock.now() - *contact;
  for (const auto& member : core.membership().members) {
    PeerStatus peer{.member = member, .api_addr = {}, .reachable = directory.reachable(member.id)};
    if (member.id == options.self) {
      peer.api_addr = options.api_addr;
    } else if (const auto* entry = directory.find(member.id)) {
      peer.api_addr = entry->api_addr;
    }
    status.members.push_back(std::move(peer));
  }
  return status;
}

}  // namespace lockstep::node
