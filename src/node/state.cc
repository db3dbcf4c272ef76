#include "node/state.h"

#include <algorithm>
#include <utility>

namespace lockstep::node {
namespace {

// A read that takes longer than this may be ended when the write-ahead file has grown too long.
constexpr Duration kLongRead = seconds(1);
// Apart from the ids of proposals, reads and membership changes.
constexpr raft::RequestId kHandoverId = Proposer::kIdLimit * 3;
constexpr std::uint64_t kServedLogBytesMax = 8u << 20;

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
          .batch_bytes_max = options.batch_bytes_max};
}

Snapshotter::Options snapshotter_options(const NodeOptions& options) {
  // Switched off, or set beyond the bound, checkpoints still keep the bound.
  const std::uint64_t latest = options.wal_bytes_max / 2;
  const bool off = options.checkpoint_wal_bytes == 0;
  return {.durable_point_entries = options.durable_point_entries,
          .checkpoint_wal_bytes = off ? latest : std::min(options.checkpoint_wal_bytes, latest),
          .wal_bytes_max = options.wal_bytes_max,
          .keep_entries = options.log_keep_entries};
}

ReadPool::Options read_pool_options(const NodeOptions& options, const env::Env& env) {
  return {.at_once = options.reads_at_once > 0 ? options.reads_at_once : env.lanes.read_lanes(),
          .queue_max = options.pending_reads_max};
}

bool belongs_to_no_cluster(const raft::Recovered& recovered) {
  return recovered.fence == raft::Position{} && recovered.terms.empty() &&
         recovered.hard.term <= Term{1} && !recovered.hard.vote &&
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
                 .image_wanted =
                     [this](const auto& wanted) {
                       if (!installing) fetcher.fetch(wanted.from, wanted.at.index);
                     },
                 .space = [this](bool space) { space_changed(log_full, space); },
                 .failed = [this](Error error) { fail(std::move(error)); }}),
      proposer(env, proposer_options(options), rng.derive("stamps"), consensus),
      applier(env, applier_options(options), consensus, *database,
              {.applied =
                   [this](raft::Position at, sql::CommandResult result) {
                     update_caught_up();
                     proposer.applied(at, std::move(result));
                   },
               .job_done =
                   [this] {
                     snapshotter.poke();
                     admit_writes();
                   },
               .space = [this](bool space) { space_changed(database_full, space); },
               .failed = [this](Error error) { fail(std::move(error)); }}),
      read_pool(env, std::move(storage.readers), read_pool_options(options, env),
                [this](Error error) { fail(std::move(error)); }),
      snapshotter(env, snapshotter_options(options), consensus, *database,
                  {.relieve =
                       [this] {
                         read_pool.interrupt(kLongRead);
                         images.release();
                       },
                   .job_done = [this] { admit_writes(); },
                   .failed = [this](Error error) { fail(std::move(error)); }}),
      images(env, run_number(rng), options.held_log_bytes_min, consensus, snapshotter, *database,
             [this](Error error) { fail(std::move(error)); }),
      fetcher(
          env, {.run = run_number(rng), .piece_bytes = options.image_piece_bytes},
          [this](const NodeId& to, wire::FrameBody body) { consensus.post(to, std::move(body)); },
          [this](auto fetched) { image_fetched(std::move(fetched)); }),
      reads(env, rng.derive("reads"), run_number(rng), consensus, proposer, applier, read_pool),
      forwarder(env, options.self, run_number(rng), storage.recovered.hard.term, consensus),
      membership(env, options, is_new, consensus, proposer,
                 [this](Error error) { fail(std::move(error)); }),
      founding(env, options, is_new, run_number(rng), consensus,
               {.join = [this](TimePoint give_up) { membership.join_by(give_up); },
                .founded = [this] { membership.founded(); },
                .failed = [this](Error error) { fail(std::move(error)); }}),
      handover(env, kHandoverId, 2 * options.raft.election_timeout, consensus),
      directory(env, options.self, options.api_addr, options.version, consensus) {}

void Node::State::start(ServeForwardFn serve_in, std::function<void(End)> ended_in) {
  serve = std::move(serve_in);
  ended = std::move(ended_in);
  consensus.start();
  if (is_new && options.join.empty() && options.voter && options.expect.members <= 1)
    consensus.bootstrap({{raft::Member{options.self, options.raft_addr, true}}});
  founding.start();
  if (!founding.is_looking()) membership.start();
  directory.start();
  applier.poke();
}

void Node::State::receive(wire::Frame frame) {
  if (failed) return;
  const bool for_whoever_listens = frame.to.value.empty();
  if (!for_whoever_listens && frame.to != options.self) return;
  if (frame.from == options.self) {
    if (const auto* ask = std::get_if<wire::FoundAsk>(&frame.body)) founding.on_own_ask(*ask);
    return;
  }
  consensus.note_address(frame.from, frame.reply_to);
  struct Visitor {
    State& node;
    const NodeId& from;
    const std::string& address;
    void operator()(raft::Message& message) {
      if (node.membership.waits_for_admission()) return;
      node.founding.heard_consensus(from);
      node.consensus.receive(std::move(message));
    }
    void operator()(wire::Forward& request) {
      node.forwarder.on_request(from, std::move(request), node.serve);
    }
    void operator()(wire::ForwardReply& reply) { node.forwarder.on_reply(std::move(reply)); }
    void operator()(wire::JoinAsk& ask) { node.membership.on_join_ask(ask); }
    void operator()(wire::JoinReply& reply) { node.membership.on_join_reply(reply); }
    void operator()(wire::ProbeAsk& ask) { node.directory.on_ask(from, ask); }
    void operator()(wire::ProbeReply& reply) { node.directory.on_reply(from, std::move(reply)); }
    void operator()(wire::ReadAsk& ask) { node.reads.on_ask(from, ask); }
    void operator()(wire::ReadReply& reply) { node.reads.on_reply(from, reply); }
    void operator()(wire::ImageAsk& ask) { node.images.on_ask(from, ask); }
    void operator()(wire::ImageReply& reply) { node.fetcher.on_reply(from, std::move(reply)); }
    void operator()(wire::LogAsk& ask) { node.serve_log(from, ask); }
    void operator()(wire::FoundAsk& ask) { node.founding.on_ask(from, address, ask); }
    void operator()(wire::FoundReply& reply) {
      node.founding.on_reply(from, address, std::move(reply));
    }
    void operator()(wire::LogReply&) {}  // Legal: late, for a repair that is over.
  };
  // Only a new node's questions may come without knowing whom they reach.
  const bool open_question = std::holds_alternative<wire::JoinAsk>(frame.body) ||
                             std::holds_alternative<wire::ProbeAsk>(frame.body) ||
                             std::holds_alternative<wire::FoundAsk>(frame.body);
  if (for_whoever_listens && !open_question) return;
  std::visit(Visitor{*this, frame.from, frame.reply_to}, frame.body);
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
  reads.status_changed();
  handover.status_changed();
}

void Node::State::fail(Error error) {
  env.log.write(LogLevel::error, "node", error.text);
  const bool damaged = error.code == Errc::corrupt;
  end({damaged ? End::Kind::repair : End::Kind::failed, std::move(error)});
}

// The node's turns may still run until the owner destroys it; nothing is acknowledged any more
// because the lane that failed completes nothing.
void Node::State::end(End end) {
  if (failed) return;
  failed = true;
  env.turns.post(life.guard([this, end = std::move(end)] { ended(end); }));
}

// A node without room for writes is no leader for a cluster that has others; alone it goes on to
// serve reads.
void Node::State::space_changed(bool& full, bool space) {
  full = !space;
  const bool any = log_full || database_full;
  admit_writes();
  env.log.write(
      LogLevel::warning, "node",
      any ? "the disk is full: no writes until there is space" : "the disk has space again");
  if (any) consensus.resign();
}

// Whether new writes are taken.
void Node::State::admit_writes() {
  std::optional<Error> reason;
  if (snapshotter.wal_is_full())
    reason = {Errc::busy, "the write-ahead file is full: long reads hold it back"};
  if (log_full || database_full) reason = {Errc::no_space, "the disk is full"};
  proposer.close(std::move(reason));
}

void Node::State::image_fetched(Result<ImageFetcher::Fetched> fetched) {
  // A failed attempt is over; the leader goes on offering.
  if (!fetched || installing || failed) return;
  if (fetched->label.state.index <= applier.applied()) return;
  installing = true;
  applier.halt([this, fetched = std::move(*fetched)]() mutable {
    images.release();
    images.halt([this, fetched = std::move(fetched)]() mutable {
      snapshotter.halt(
          [this, fetched = std::move(fetched)]() mutable { install(std::move(fetched)); });
    });
  });
}

// The database is not touched any more; the next opening finds the image in its place.
void Node::State::install(ImageFetcher::Fetched fetched) {
  env.log.write(LogLevel::info, "image",
                "installing an image of index " + to_string(fetched.label.state.index));
  env::run_on(
      env.lanes, {env::LaneKind::image, 0},
      [this, fetched = std::move(fetched)] {
        return sql::install_image(env.disk, fetched.label, fetched.membership);
      },
      life.guard([this](Status status) {
        // Whatever went wrong, the old database is not in use any more: open it again.
        const bool again =
            status || status.error().code == Errc::corrupt || status.error().code == Errc::no_space;
        if (again && !status)
          env.log.write(LogLevel::error, "image", "not installed: " + status.error().text);
        if (again) return end({End::Kind::reopen, {}});
        fail(std::move(status).error());
      }));
}

// For a node that heals its log. Any copy will do: the asker can tell whether it is the right one.
void Node::State::serve_log(const NodeId& from, const wire::LogAsk& ask) {
  const auto& core = consensus.core();
  const LogIndex end = ask.first + ask.count;
  const bool held = ask.count > 0 && end > ask.first && ask.first >= core.first_index() &&
                    end <= core.durable_index().next();
  if (!held) return consensus.post(from, wire::LogReply{ask.id, ask.first, {}});
  consensus.fetch(ask.first, end, kServedLogBytesMax,
                  [this, from, ask](std::vector<raft::Entry> entries) {
                    if (entries.size() != ask.count) entries.clear();
                    consensus.post(from, wire::LogReply{ask.id, ask.first, std::move(entries)});
                  });
}

void Node::State::accepted(const raft::Accepted& a) {
  if (handover.owns(a.id)) return;  // What becomes of it, status_changed() sees.
  if (membership.owns(a.id)) return membership.accepted(a);
  proposer.accepted(a);
}

void Node::State::refused(const raft::Refused& r) {
  if (handover.owns(r.id)) return handover.refused(r);
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
  status.durable = snapshotter.durable();
  status.wal_bytes = snapshotter.wal_bytes();
  status.disk_full = log_full || database_full;
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
