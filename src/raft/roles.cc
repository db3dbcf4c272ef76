// Becoming follower, candidate, leader. A role's state is made on entry and dropped on leaving it,
// here and nowhere else.
#include "raft/state.h"

namespace lockstep::raft {

void Core::State::draw_election_deadline() {
  // [T, 2T): a lone early riser usually wins before the others wake (3.4).
  const auto timeout = static_cast<std::uint64_t>(options_.election_timeout.count());
  const auto extra = static_cast<Duration::rep>(rng_.below(timeout));
  election_deadline_ = now_ + options_.election_timeout + Duration(extra);
}

void Core::State::become_follower(Term term, std::optional<NodeId> leader, Effects& out) {
  if (leading_) refuse_reads(out);
  leading_.reset();
  votes_.clear();
  ask_owed_ = false;
  if (term > hard_.term) {
    // Debts of an older term are void: nobody counts those answers any more.
    grant_owed_ = false;
    ack_owed_ = false;
    matched_ = {};
    round_seen_ = 0;
    leader_contact_.reset();
    set_hard({.term = term, .vote = std::nullopt}, out);
  }
  // A follower keeps its deadline: a newer term alone is no sign of a live leader.
  if (role_ != Role::follower) draw_election_deadline();
  role_ = Role::follower;
  leader_ = std::move(leader);
}

void Core::State::become_pre_candidate(Effects& out) {
  CHECK(!leading_);
  role_ = Role::pre_candidate;
  leader_.reset();
  ask_owed_ = false;
  votes_.clear();
  if (is_voter()) votes_.insert(options_.self);
  draw_election_deadline();
  ask_voters(/*pre_vote=*/true, /*transfer=*/false, out);
}

void Core::State::become_candidate(bool transfer, Effects& out) {
  CHECK(!leading_);
  CHECK(may_campaign());
  role_ = Role::candidate;
  leader_.reset();
  leader_contact_.reset();
  grant_owed_ = false;
  ack_owed_ = false;
  matched_ = {};
  round_seen_ = 0;
  votes_.clear();
  draw_election_deadline();
  Term term = hard_.term.next();
  if (!std::exchange(campaigned_, true) && options_.first_term_jump_max > 0)
    term.value += rng_.below(options_.first_term_jump_max);
  set_hard({.term = term, .vote = options_.self}, out);
  // Nobody is asked before the own vote is durable: it counts, and must not be given twice.
  ask_owed_ = true;
  ask_is_transfer_ = transfer;
}

void Core::State::become_leader(Effects& out) {
  CHECK(role_ == Role::candidate);
  CHECK(hard_durable());
  role_ = Role::leader;
  leader_ = options_.self;
  votes_.clear();
  leading_.emplace();
  leading_->heartbeat_at = now_ + options_.heartbeat_interval;
  leading_->quorum_check_at = now_ + options_.election_timeout;
  meet_members();
  membership_moved();
  // Entries of older terms are committed only along with one of this term (5.4.2 of the paper), and
  // reads and membership changes wait for it: so there is one at once.
  append_entry({.term = hard_.term,
                .index = log_.last_index().next(),
                .kind = EntryKind::noop,
                .payload = {}},
               out);
  if (!forced_) return;
  append_entry({.term = hard_.term,
                .index = log_.last_index().next(),
                .kind = EntryKind::config,
                .payload = Blob(encode(forced_->second))},
               out);
}

}  // namespace lockstep::raft
