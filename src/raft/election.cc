// Elections: pre-vote (9.6), votes (3.4, 3.6.1), and the leader stickiness of 4.2.3.
#include "raft/state.h"

namespace lockstep::raft {

bool Core::State::is_fenced() const {
  if (LOCKSTEP_BUG(vote_after_lost_disk)) return false;
  if (fence_.index <= log_.base().index) return false;
  return durable_ < fence_.index || log_.term_at(fence_.index) != fence_.term;
}

bool Core::State::may_campaign() const {
  if (is_fenced()) return false;
  if (forced_) return forced_->second.is_voter(options_.self);
  // The newest configuration decides who counts, but one that removes this node may still need it
  // to be committed at all: nobody else can win against its longer log (4.2.2). So it is enough to
  // be a voter in any configuration that may turn out to be the committed one.
  for (auto known = memberships_.rbegin(); known != memberships_.rend(); ++known) {
    if (known->second.is_voter(options_.self)) return true;
    if (known->first <= commit_) return false;
  }
  return false;
}

void Core::State::on_election_deadline(Effects& out) {
  // Learners, removed and not yet admitted nodes wait to be called.
  if (!may_campaign() || elections_held_) return;
  // The own vote is still on its way to a slow disk: a new term would only start that over.
  if (role_ == Role::candidate && ask_owed_) return draw_election_deadline();
  const bool alone = is_voter() && membership().voter_count() == 1;
  if (alone) return become_candidate(/*transfer=*/false, out);
  become_pre_candidate(out);
}

void Core::State::ask_voters(bool pre_vote, bool transfer, Effects& out) {
  const Term term = pre_vote ? hard_.term.next() : hard_.term;
  for (const Member& member : membership().members) {
    if (!member.voter || member.id == options_.self) continue;
    const VoteAsk ask{.pre_vote = pre_vote, .transfer = transfer, .last = log_.last()};
    out.messages.push_back({.from = options_.self, .to = member.id, .term = term, .body = ask});
  }
}

bool Core::State::hears_a_leader() const {
  if (leading_) return true;  // check-quorum deposes a leader that is alone
  return leader_contact_ && now_ - *leader_contact_ < options_.election_timeout;
}

bool Core::State::is_fresh(const Position& last) const {
  if (LOCKSTEP_BUG(vote_by_index_only)) return last.index >= log_.last_index();
  return at_least_as_up_to_date(last, log_.last());
}

void Core::State::on_pre_vote_ask(const Message& message, const VoteAsk& ask, Effects& out) {
  // Changes nothing here, not even the term: the asker has not campaigned, and may never.
  const bool granted =
      message.term > hard_.term && !hears_a_leader() && is_fresh(ask.last) && !is_fenced();
  if (LOCKSTEP_BUG(pre_vote_frees_vote) && granted && role_ == Role::follower && !grant_owed_)
    set_hard({.term = hard_.term, .vote = std::nullopt}, out);
  send(out, message.from, VoteReply{.pre_vote = true, .granted = granted});
}

void Core::State::on_vote_ask(const Message& message, const VoteAsk& ask, Effects& out) {
  const bool current = message.term == hard_.term;
  const bool free = !hard_.vote || *hard_.vote == message.from;
  // Whose leader is known in this term has nothing to decide any more.
  const bool open = !leader_ && role_ != Role::candidate;
  if (!current || !free || !open || !is_fresh(ask.last) || is_fenced()) {
    send(out, message.from, VoteReply{.pre_vote = false, .granted = false});
    return;
  }
  become_follower(hard_.term, std::nullopt, out);  // from pre-candidate, perhaps
  set_hard({.term = hard_.term, .vote = message.from}, out);
  draw_election_deadline();
  // Never granted before it is durable: a vote forgotten in a crash elects two leaders (3.8).
  if (hard_durable() || LOCKSTEP_BUG(vote_before_sync)) {
    send(out, message.from, VoteReply{.pre_vote = false, .granted = true});
  } else {
    grant_owed_ = true;
  }
}

void Core::State::own_vote_durable(Effects& out) {
  if (grant_owed_) {
    grant_owed_ = false;
    CHECK(hard_.vote.has_value());
    send(out, *hard_.vote, VoteReply{.pre_vote = false, .granted = true});
  }
  if (ask_owed_) {
    CHECK(role_ == Role::candidate);
    ask_owed_ = false;
    if (is_voter()) votes_.insert(options_.self);
    ask_voters(/*pre_vote=*/false, ask_is_transfer_, out);
    count_votes(out);
  }
}

void Core::State::on_vote_reply(const Message& message, const VoteReply& reply, Effects& out) {
  if (!reply.granted) return;  // its term, if newer, was adopted before
  if (role_ != (reply.pre_vote ? Role::pre_candidate : Role::candidate)) return;
  // A pre-vote comes with the term of its sender, which may be behind; a vote is for one term only.
  const bool counts =
      reply.pre_vote || message.term == hard_.term || LOCKSTEP_BUG(stale_vote_counted);
  if (!counts || !membership().is_voter(message.from)) return;
  votes_.insert(message.from);
  count_votes(out);
}

void Core::State::count_votes(Effects& out) {
  if (votes_.size() < membership().quorum()) return;
  if (role_ == Role::pre_candidate) return become_candidate(/*transfer=*/false, out);
  if (!ask_owed_) become_leader(out);
}

}  // namespace lockstep::raft
