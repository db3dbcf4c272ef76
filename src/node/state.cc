#include "node/state.h"

#include <algorithm>
#include <utility>

namespace lockstep::node {
namespace {

// A read that takes longer than this may be ended when the write-ahead file has grown too long.
constexpr Duration kLongRead = seconds(1);
// Apart from the ids of proposals, reads and membership changes.
constexpr raft::RequestId kHandoverId = Proposer::kIdLimit * 3;

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

std::uint64_t nonce(const Rng& rng, std::string_view what) {
  return rng.derive(what).next();
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
                 .seed = nonce(rng, "raft"),
                 .cache_bytes_max = options.cache_bytes_max,
                 .raft_addr = options.raft_addr,
                 .cluster = vote->cluster()},
                *log, *vote, storage.recovered, consensus_listener()),
      proposer(env, proposer_options(options), rng.derive("stamps"), consensus),
      applier(env, applier_options(options), consensus, *database, applier_listener()),
      read_pool(env, std::move(storage.readers), read_pool_options(options, env), on_failure()),
      snapshotter(env, snapshotter_options(options), consensus, *database,
                  {.relieve =
                       [this] {
                         read_pool.interrupt(kLongRead);
                         images.release();
                       },
                   .job_done = [this] { admit_writes(); },
                   .failed = on_failure()}),
      images(env, run_number(rng), options.held_log_bytes_min, consensus, snapshotter, *database,
             on_failure()),
      fetcher(
          env, {.run = run_number(rng), .piece_bytes = options.image_piece_bytes},
          [this](const NodeId& to, wire::FrameBody body) { consensus.post(to, std::move(body)); },
          [this](auto fetched) {
            if (!failed) installer.fetched(std::move(fetched));
          }),
      installer(env, applier, images, snapshotter,
                {.reopen = [this] { end({End::Kind::reopen, {}}); }, .failed = on_failure()}),
      reads(env, rng.derive("reads"), run_number(rng), consensus, proposer, applier, read_pool),
      readiness(env, reads, applier, consensus),
      forwarder(env, options.self, run_number(rng), storage.recovered.hard.term, consensus),
      membership(env, options, consensus, proposer),
      joiner(env, options, is_new, nonce(rng, "joiner"), consensus,
             {.change_self = [this](raft::Member member) { change_self(std::move(member)); },
              .failed = on_failure(),
              .removed =
                  [this](Error error) {
                    env.log.write(LogLevel::error, "node", error.text);
                    end({End::Kind::removed, std::move(error)});
                  }}),
      founding(env, options, is_new, run_number(rng), nonce(rng, "founding"), consensus,
               {.join = [this](TimePoint give_up) { joiner.join_by(give_up); },
                .founded =
                    [this] {
                      founded_at = env.clock.now();
                      joiner.founded();
                      joiner.start();
                    },
                .failed = on_failure()}),
      handover(env, kHandoverId, 2 * options.raft.election_timeout, consensus),
      directory(env, options.self, options.api_addr, options.version, consensus),
      doorkeeper(env),
      vigil(env, consensus, applier, proposer, [this] { return waits_for(); }) {
  if (const ClusterId by = vote->cluster().claimed_by; !by.is_nil()) claimed_by = by;
}

void Node::State::start(ServeForwardFn serve_in, std::function<void(End)> ended_in) {
  serve = std::move(serve_in);
  ended = std::move(ended_in);
  consensus.start();
  founding.start();
  if (!founding.is_looking()) joiner.start();
  directory.start();
  vigil.start();
  applier.poke();
}

Consensus::Listener Node::State::consensus_listener() {
  return {.accepted = [this](const auto& a) { accepted(a); },
          .refused = [this](const auto& r) { refused(r); },
          .read_granted =
              [this](const auto& g) {
                if (membership.owns(g.id)) return membership.granted(g);
                reads.granted(g);
              },
          .apply_more = [this] { applier.poke(); },
          .status_changed = [this] { status_changed(); },
          .disk_idle = [this] { proposer.disk_idle(); },
          .image_wanted =
              [this](const auto& wanted) {
                if (!installer.busy()) fetcher.fetch(wanted.from, wanted.at.index);
              },
          .contradicted = [this] { contradict(); },
          .space = [this](bool space) { space_changed(log_full, space); },
          .failed = on_failure()};
}

Applier::Listener Node::State::applier_listener() {
  return {.applied = [this](raft::Position at,
                            sql::CommandResult result) { proposer.applied(at, std::move(result)); },
          .job_done =
              [this] {
                snapshotter.poke();
                admit_writes();
              },
          .space = [this](bool space) { space_changed(database_full, space); },
          .failed = on_failure()};
}

std::function<void(Error)> Node::State::on_failure() {
  return [this](Error error) { fail(std::move(error)); };
}

void Node::State::status_changed() {
  const bool leads = consensus.core().role() == raft::Role::leader;
  if (was_leader && !leads) proposer.leadership_lost();
  if (was_leader != leads)
    env.log.write(LogLevel::info, "raft",
                  (leads ? "leader in term " : "no longer leader; term ") +
                      to_string(consensus.core().term()));
  was_leader = leads;
  membership.status_changed();
  readiness.poke();
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
  if (any && consensus.core().membership().voter_count() > 1) consensus.resign();
}

// Whether new writes are taken.
void Node::State::admit_writes() {
  std::optional<Error> reason;
  if (snapshotter.wal_is_full())
    reason = {Errc::busy, "the write-ahead file is full: long reads hold it back"};
  if (log_full || database_full) reason = {Errc::no_space, "the disk is full"};
  proposer.close(std::move(reason));
}

// Disks of a quorum have gone back, or were lost, and their new history is another one. Which of
// the two counts only people can say.
void Node::State::contradict() {
  if (std::exchange(contradicted, true)) return;
  hold.emplace(consensus);
  env.log.write(LogLevel::error, "node", out_of_service()->text);
}

// A leader that has moved asks nobody but itself. What fails is tried again when it looks again.
void Node::State::change_self(raft::Member member) {
  if (std::exchange(changes_itself, true)) return;
  membership.change_itself(std::move(member),
                           life.guard([this](const Status&) { changes_itself = false; }));
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

}  // namespace lockstep::node
