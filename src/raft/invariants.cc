// What is true after every call, checked in release builds too: a node that finds itself in an
// impossible state stops before it promises anything more. Costs O(members), not O(log).
#include "raft/state.h"

namespace lockstep::raft {

void Core::State::check_invariants() {
  check_history();
  check_positions();
  check_role();
}

// Against the state after the previous call.
void Core::State::check_history() const {
  CHECK(hard_.term >= before_.hard.term);
  const bool same_term = hard_.term == before_.hard.term;
  if (same_term && before_.hard.vote)
    CHECK(hard_.vote == before_.hard.vote || LOCKSTEP_BUG(pre_vote_frees_vote));
  CHECK(commit_ >= before_.commit);
  CHECK(apply_limit() >= before_.apply_limit);
  CHECK(persisted_ >= before_.persisted);
  const bool led = before_.role == Role::leader;
  // Leader append-only, and leadership of a term is never regained.
  if (led && same_term) CHECK(log_.last_index() >= before_.last);
  if (same_term && role_ == Role::leader) CHECK(led || before_.role == Role::candidate);
}

void Core::State::check_positions() const {
  CHECK(log_.base().index <= commit_);
  CHECK(commit_ <= log_.last_index());
  CHECK(durable_ <= log_.last_index());
  CHECK(matched_ <= log_.last_index());
  CHECK(log_.last().term <= hard_.term);
  CHECK(!memberships_.empty());
  CHECK(memberships_.back().first <= log_.last_index());
  CHECK(persisted_ <= issued_);
  CHECK(hard_ticket_ <= issued_);
  CHECK(in_flight_.empty() == (persisted_ == issued_));
  // With nothing under way, all that is in memory is on disk.
  if (in_flight_.empty()) CHECK(durable_ == log_.last_index());
}

void Core::State::check_role() const {
  CHECK(leading_.has_value() == (role_ == Role::leader));
  const bool leads_itself = leader_ == options_.self;
  CHECK(leads_itself == (role_ == Role::leader));
  if (role_ == Role::candidate || role_ == Role::leader) CHECK(hard_.vote == options_.self);
  if (ask_owed_) CHECK(role_ == Role::candidate && !hard_durable());
  if (grant_owed_) CHECK(hard_.vote.has_value() && !hard_durable());
  if (!leading_) return;
  CHECK(hard_durable());  // won by a vote of its own that counted
  CHECK(!ack_owed_);
  const Reads& reads = leading_->reads;
  CHECK(reads.asked.empty() || reads.index <= commit_);
  for (const auto& [id, progress] : leading_->progress) {
    CHECK(id != options_.self);
    CHECK(progress.match() < progress.next());
    CHECK(log_.base().index < progress.next());
    CHECK(progress.next() <= log_.last_index().next());
    if (progress.needs_image()) CHECK(progress.next() == log_.base().index.next());
    CHECK(progress.round() <= reads.round);
  }
}

}  // namespace lockstep::raft
