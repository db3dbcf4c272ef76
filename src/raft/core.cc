// The public face: each call is begin, one subject's function, finish. The algorithm stands in the
// files of the subjects (state.h lists them).
#include "raft/core.h"

#include <utility>

#include "raft/state.h"
#include "raft/well_formed.h"

namespace lockstep::raft {

Core::Core(Options options, std::uint64_t seed, Recovered recovered, TimePoint now)
    : state_(std::make_unique<State>(std::move(options), seed, std::move(recovered), now)) {}

Core::~Core() = default;

void Core::start(TimePoint now, Effects& out) {
  state_->begin(now);
  state_->start(out);
  state_->finish(out);
}

bool Core::bootstrap(TimePoint now, const Membership& membership, Effects& out) {
  const State& state = *state_;
  // Legal: term 1 without a vote, when a crash cut an earlier bootstrap between its two halves.
  const bool unused = state.hard_.term <= Term{1} && !state.hard_.vote;
  const bool empty =
      unused && state.log_.last_index() == LogIndex{} && state.membership().members.empty();
  if (!empty || membership.voter_count() == 0) return false;
  state_->begin(now);
  state_->form_cluster(membership, out);
  state_->finish(out);
  return true;
}

void Core::deadline_reached(TimePoint now, Effects& out) {
  state_->begin(now);
  state_->on_deadline(out);
  state_->finish(out);
}

void Core::receive(TimePoint now, Message message, Effects& out) {
  state_->begin(now);
  if (is_well_formed(message, state_->options_.self)) state_->on_message(message, out);
  state_->finish(out);
}

void Core::propose(TimePoint now, std::vector<Proposal> proposals, Effects& out) {
  state_->begin(now);
  state_->propose(std::move(proposals), out);
  state_->finish(out);
}

void Core::read(TimePoint now, RequestId id, Effects& out) {
  state_->begin(now);
  state_->read(id, out);
  state_->finish(out);
}

void Core::change_membership(TimePoint now, RequestId id, const NodeId& node,
                             std::optional<Member> member, Effects& out) {
  state_->begin(now);
  state_->change_membership(id, node, std::move(member), out);
  state_->finish(out);
}

void Core::name_cluster(TimePoint now, RequestId id, ClusterId cluster, Effects& out) {
  state_->begin(now);
  state_->name_cluster(id, cluster, out);
  state_->finish(out);
}

void Core::transfer(TimePoint now, RequestId id, std::optional<NodeId> target, Effects& out) {
  state_->begin(now);
  state_->transfer(id, std::move(target), out);
  state_->finish(out);
}

void Core::resign(TimePoint now, Effects& out) {
  state_->begin(now);
  if (state_->leading_) state_->resign(out);
  state_->finish(out);
}

void Core::persisted(TimePoint now, Ticket ticket, Effects& out) {
  state_->begin(now);
  state_->on_persisted(ticket, out);
  state_->finish(out);
}

void Core::set_fence(Position fence) {
  state_->fence_ = fence;
}

void Core::hold_elections(bool held) {
  state_->elections_held_ = held;
}

void Core::compacted(LogIndex index) {
  state_->compact(index);
}

Role Core::role() const {
  return state_->role_;
}
Term Core::term() const {
  return state_->hard_.term;
}
std::optional<NodeId> Core::leader() const {
  return state_->leader_;
}
LogIndex Core::commit() const {
  return state_->commit_;
}
LogIndex Core::apply_limit() const {
  return state_->apply_limit();
}
LogIndex Core::first_index() const {
  return state_->log_.base().index.next();
}
LogIndex Core::last_index() const {
  return state_->log_.last_index();
}
LogIndex Core::durable_index() const {
  return state_->durable_;
}
std::optional<Term> Core::term_at(LogIndex index) const {
  return state_->log_.term_at(index);
}
const Membership& Core::membership() const {
  return state_->membership();
}
LogIndex Core::membership_index() const {
  return state_->in_force().first;
}
const Membership& Core::membership_at(LogIndex index) const {
  return state_->membership_at(index);
}
HardState Core::hard_state() const {
  return state_->hard_;
}

std::optional<LogIndex> Core::match_index(const NodeId& id) const {
  const Progress* progress = state_->progress_of(id);
  return progress ? std::optional(progress->match()) : std::nullopt;
}

std::optional<TimePoint> Core::last_contact(const NodeId& id) const {
  const Progress* progress = state_->progress_of(id);
  return progress ? progress->contact() : std::nullopt;
}

std::map<NodeId, Position> Core::fallen() const {
  return state_->leading_ ? state_->leading_->fallen : std::map<NodeId, Position>();
}

bool Core::is_recovering() const {
  return state_->forced_.has_value();
}

bool Core::is_fenced() const {
  return state_->is_fenced();
}

std::optional<TimePoint> Core::leader_contact() const {
  return state_->role_ == Role::follower && state_->leader_ ? state_->leader_contact_
                                                            : std::nullopt;
}

}  // namespace lockstep::raft
