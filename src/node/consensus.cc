#include "node/consensus.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "wire/frames.h"

namespace lockstep::node {

ElectionHold::ElectionHold(Consensus& consensus) : consensus_(&consensus) {
  consensus_->hold_elections(true);
}

ElectionHold::~ElectionHold() {
  if (consensus_ != nullptr) consensus_->hold_elections(false);
}

void ElectionHold::release() {
  Consensus* const consensus = std::exchange(consensus_, nullptr);
  if (consensus == nullptr) return;
  consensus->hold_elections(false);
  consensus->look_at_deadline();
}

Consensus::Consensus(env::Env env, Options options, storage::RaftLog& log, storage::VoteFile& vote,
                     raft::Recovered recovered, Listener listener)
    : env_(env),
      self_(options.raft.self),
      raft_addr_(std::move(options.raft_addr)),
      cluster_(options.cluster.id),
      recovered_from_(options.cluster.recovered_from),
      log_(log),
      vote_(vote),
      core_(options.raft, options.seed, std::move(recovered), env.clock.now()),
      cache_(options.cache_bytes_max),
      writer_(env, log, vote,
              {.persisted = [this](Ticket ticket) { persisted(ticket); },
               .space = [this](bool space) { listener_.space(space); },
               .failed = [this](Error error) { listener_.failed(std::move(error)); }}),
      listener_(std::move(listener)),
      // As many as the core has under way: a follower must not catch up more slowly because what it
      // lacks is on the disk.
      fetches_max_(std::max<std::uint64_t>(
          2, options.raft.inflight_bytes_max /
                 std::max<std::uint64_t>(1, options.raft.message_bytes_max))) {}

template <class Step>
void Consensus::step(Step step) {
  raft::Effects effects;
  step(env_.clock.now(), effects);
  carry_out(effects);
}

void Consensus::start() {
  step([this](TimePoint now, raft::Effects& out) { core_.start(now, out); });
}

void Consensus::bootstrap(const raft::Membership& membership) {
  step([&](TimePoint now, raft::Effects& out) { CHECK(core_.bootstrap(now, membership, out)); });
}

void Consensus::hold_elections(bool held) {
  held ? ++holds_ : --holds_;
  core_.hold_elections(holds_ > 0);
}

void Consensus::look_at_deadline() {
  step([this](TimePoint now, raft::Effects& out) { core_.deadline_reached(now, out); });
}

void Consensus::receive(raft::Message message) {
  step([&](TimePoint now, raft::Effects& out) { core_.receive(now, std::move(message), out); });
}

void Consensus::propose(std::vector<raft::Proposal> proposals) {
  step([&](TimePoint now, raft::Effects& out) { core_.propose(now, std::move(proposals), out); });
}

void Consensus::read(raft::RequestId id) {
  step([&](TimePoint now, raft::Effects& out) { core_.read(now, id, out); });
}

void Consensus::change_membership(raft::RequestId id, const NodeId& node,
                                  std::optional<raft::Member> member) {
  step([&](TimePoint now, raft::Effects& out) {
    core_.change_membership(now, id, node, std::move(member), out);
  });
}

void Consensus::transfer(raft::RequestId id, std::optional<NodeId> target) {
  step([&](TimePoint now, raft::Effects& out) { core_.transfer(now, id, std::move(target), out); });
}

void Consensus::name_cluster(raft::RequestId id, ClusterId cluster) {
  step([&](TimePoint now, raft::Effects& out) { core_.name_cluster(now, id, cluster, out); });
}

void Consensus::admit(raft::Position fence, ClusterId cluster,
                      std::move_only_function<void()> done) {
  env::run_on(
      env_.lanes, {env::LaneKind::log, 0},
      [this, fence, cluster] { return vote_.store_admission(fence, cluster); },
      life_.guard([this, fence, cluster, done = std::move(done)](Status status) mutable {
        if (!status) return listener_.failed(std::move(status).error());
        core_.set_fence(fence);
        cluster_ = cluster;
        done();
      }));
}

void Consensus::keep_claim(ClusterId by) {
  env::run_on(
      env_.lanes, {env::LaneKind::log, 0},
      [this, by] {
        auto kept = vote_.cluster();
        kept.claimed_by = by;
        return vote_.store_cluster(kept);
      },
      life_.guard([this](Status status) {
        if (!status) listener_.failed(std::move(status).error());
      }));
}

ClusterId Consensus::cluster() const {
  if (!cluster_.is_nil()) return cluster_;
  // The founding entry is the same on every founder: no other can take its place.
  const bool founder = core_.first_index() == LogIndex{1} && core_.last_index() >= LogIndex{1} &&
                       core_.commit() == LogIndex{};
  if (founder) return core_.membership_at(LogIndex{1}).cluster;
  return committed_membership().cluster;
}

const raft::Membership& Consensus::committed_membership() const {
  return core_.membership_at(core_.commit());
}

Duration Consensus::disk_waits() const {
  return disk_busy_since_ ? env_.clock.now() - *disk_busy_since_ : Duration::zero();
}

void Consensus::resign() {
  step([this](TimePoint now, raft::Effects& out) { core_.resign(now, out); });
}

void Consensus::compact(LogIndex index) {
  if (index < core_.first_index()) return;
  const raft::Position base{index, *core_.term_at(index)};
  // At once for everybody who asks from now on; jobs that were asked before run before the drop.
  core_.compacted(index);
  env::run_on(
      env_.lanes, {env::LaneKind::log, 0}, [this, base] { return log_.drop_through(base); },
      life_.guard([this](Status status) {
        if (!status) listener_.failed(std::move(status).error());
      }));
}

void Consensus::applied(LogIndex index) {
  cache_.trim(index);
}

void Consensus::persisted(Ticket ticket) {
  step([&](TimePoint now, raft::Effects& out) { core_.persisted(now, ticket, out); });
  disk_busy_since_ = env_.clock.now();
  if (!writer_.idle()) return;
  disk_busy_since_.reset();
  listener_.disk_idle();
}

void Consensus::carry_out(raft::Effects& effects) {
  // The write is queued before anything is told, so that whoever is told sees the cache that
  // belongs to it.
  if (effects.write) {
    cache_.follow(*effects.write);
    if (!disk_busy_since_) disk_busy_since_ = env_.clock.now();
    writer_.add(std::move(*effects.write));
  }
  for (auto& message : effects.messages) send(std::move(message));
  set_deadline(effects.deadline);
  if (effects.status_changed) listener_.status_changed();
  for (const auto& accepted : effects.accepted) listener_.accepted(accepted);
  for (const auto& refused : effects.refused) listener_.refused(refused);
  for (const auto& granted : effects.reads) listener_.read_granted(granted);
  if (effects.contradicted) listener_.contradicted();
  if (effects.image_wanted) listener_.image_wanted(*effects.image_wanted);
  if (effects.apply_more) listener_.apply_more();
}

void Consensus::send(raft::Message message) {
  auto* append = std::get_if<raft::Append>(&message.body);
  if (append && append->count > 0) {
    auto entries = cache_.get(append->prev.index.next(), append->count);
    if (!entries) return fetch_and_send(std::move(message));
    append->entries = std::move(*entries);
  }
  const NodeId to = message.to;
  post(to, std::move(message));
}

// A follower far behind: its entries are on disk only. The message may be dropped at any point, as
// by a network.
void Consensus::fetch_and_send(raft::Message message) {
  const auto& append = std::get<raft::Append>(message.body);
  const LogIndex first = append.prev.index.next();
  // What is not durable yet is not in the log yet; the follower asks for the rest.
  const LogIndex end = std::min(first + append.count, core_.durable_index().next());
  if (end <= first) return;
  auto& under_way = fetching_[message.to];
  if (under_way >= fetches_max_) return;
  ++under_way;
  fetch(first, end, UINT64_MAX, [this, message = std::move(message)](auto entries) mutable {
    --fetching_[message.to];
    // What was read is the leader's log only while it still leads in the term of the message.
    if (core_.role() != raft::Role::leader || core_.term() != message.term) return;
    auto& fetched = std::get<raft::Append>(message.body);
    fetched.count = entries.size();
    fetched.entries = std::move(entries);
    const NodeId to = message.to;
    post(to, std::move(message));
  });
}

void Consensus::fetch(LogIndex first, LogIndex end, std::uint64_t bytes_max,
                      std::function<void(std::vector<raft::Entry>)> done) {
  env::run_on(
      env_.lanes, {env::LaneKind::log, 0},
      [this, first, end, bytes_max] { return log_.read(first, end, bytes_max); },
      life_.guard([this, done = std::move(done)](Result<std::vector<raft::Entry>> entries) {
        if (!entries) return listener_.failed(std::move(entries).error());
        done(std::move(*entries));
      }));
}

void Consensus::post(const NodeId& to, wire::FrameBody body) {
  const std::string address = address_of(to);
  // Legal: unknown, for a node that has just been removed.
  if (!address.empty()) post_to(address, to, std::move(body));
}

void Consensus::post_to(const std::string& address, const NodeId& to, wire::FrameBody body) {
  if (address.empty()) return;
  env_.peers.send(address, wire::encode_frame({.from = self_,
                                               .to = to,
                                               .body = std::move(body),
                                               .reply_to = raft_addr_,
                                               .cluster = cluster()}));
}

void Consensus::note_address(const NodeId& id, const std::string& address) {
  addresses_.note(id, address, core_.membership());
}

std::string Consensus::address_of(const NodeId& id) const {
  return addresses_.find(id, core_.membership());
}

void Consensus::set_deadline(TimePoint deadline) {
  if (deadline == deadline_) return;
  // An election deadline moves with every heartbeat; re-arming only for an earlier one keeps that
  // free. Waking too early is harmless: the core answers with the deadline that holds by then.
  if (timer_.value != 0 && deadline > deadline_) return;
  if (timer_.value != 0) env_.turns.cancel(timer_);
  timer_ = {};
  deadline_ = deadline;
  if (deadline == kNever) return;
  timer_ = env_.turns.at(deadline, life_.guard([this] {
    timer_ = {};
    deadline_ = kNever;
    look_at_deadline();
  }));
}

}  // namespace lockstep::node
