#include "sim/wire_oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <variant>

#include "storage/log_format.h"

namespace lockstep::sim {

Promise WireOracle::sent(TimePoint now, std::size_t from, std::string_view bytes) {
  const auto frame = wire::decode_frame(bytes);
  if (!frame) {
    violations_.report(now, "malformed frame sent", frame.error().text);
    return Promise::none;
  }
  const auto* message = std::get_if<raft::Message>(&frame->body);
  if (message == nullptr) return Promise::none;
  if (const auto* ask = std::get_if<raft::VoteAsk>(&message->body)) {
    if (ask->pre_vote) return Promise::none;
    on_vote(now, from, message->from, message->term, message->from);
    return Promise::vote;
  }
  if (const auto* reply = std::get_if<raft::VoteReply>(&message->body)) {
    if (reply->pre_vote || !reply->granted) return Promise::none;
    on_vote(now, from, message->from, message->term, message->to);
    return Promise::vote;
  }
  if (const auto* reply = std::get_if<raft::AppendReply>(&message->body)) {
    if (!reply->success) return Promise::none;
    const LogIndex before = promises_[from].ack_match;
    on_ack(from, message->term, reply->match);
    return promises_[from].ack_match > before ? Promise::append_ack : Promise::none;
  }
  if (const auto* append = std::get_if<raft::Append>(&message->body)) {
    for (const raft::Entry& entry : append->entries) on_entry(now, entry);
  }
  return Promise::none;
}

void WireOracle::on_vote(TimePoint now, std::size_t from, const NodeId& voter, Term term,
                         const NodeId& candidate) {
  const auto [found, fresh] = votes_.emplace(std::pair(term, voter), candidate);
  if (!fresh && found->second != candidate) {
    violations_.report(now, "two votes in one term",
                       fmt::format("{} voted for {} and for {} in term {}", voter.value,
                                   found->second.value, candidate.value, term.value));
  }
  Promised& promised = promises_[from];
  if (term < promised.term) return;  // Legal: a reply that waited for its write.
  promised.term = term;
  promised.vote = candidate;
}

void WireOracle::forget(std::size_t number) {
  const Promised& old = promises_[number];
  Promised fresh;
  std::tie(fresh.lost_term, fresh.lost_match) =
      std::max(std::tie(old.lost_term, old.lost_match), std::tie(old.ack_term, old.ack_match));
  promises_[number] = fresh;
}

// Its log makes up for that if it ends in a later term, whose leader had all that was committed
// before, or if it is as long in the same one (5.4.1).
void WireOracle::voted(TimePoint now, std::size_t number, const raft::Core& core) {
  const Promised& promised = promises_[number];
  const Term last_term = core.term_at(core.last_index()).value_or(Term{});
  if (std::pair(last_term, core.last_index()) >= std::pair(promised.lost_term, promised.lost_match))
    return;
  violations_.report(now, "vote after a lost disk",
                     fmt::format("machine {} acknowledged index {} in term {} before it lost its "
                                 "disk, and votes in term {} with a log that ends at {}",
                                 number + 1, promised.lost_match.value, promised.lost_term.value,
                                 core.hard_state().term.value, core.last_index().value));
}

void WireOracle::on_ack(std::size_t from, Term term, LogIndex match) {
  Promised& promised = promises_[from];
  if (term > promised.term) {
    promised.term = term;
    promised.vote = NodeId{};
  }
  if (term < promised.ack_term) return;
  if (term > promised.ack_term) promised.ack_match = match;
  promised.ack_term = term;
  promised.ack_match = std::max(promised.ack_match, match);
}

void WireOracle::on_entry(TimePoint now, const raft::Entry& entry) {
  const auto [found, fresh] = entries_.emplace(std::pair(entry.index, entry.term), entry);
  if (fresh || found->second == entry) return;
  if (!anybody_led_ && entry.index == LogIndex{1}) {
    found->second = entry;
    return;
  }
  violations_.report(
      now, "two entries at one place",
      fmt::format("index {} term {} has two contents", entry.index.value, entry.term.value));
}

void WireOracle::stored(TimePoint now, std::string_view bytes) {
  for (std::size_t at = 0; at + storage::kBatchHeaderBytes <= bytes.size();
       at += storage::kBlockBytes) {
    const auto header = storage::decode_batch_header(bytes.substr(at));
    if (!header) continue;
    const auto entries = storage::decode_body(*header, bytes.substr(at));
    if (!entries) continue;
    for (const storage::EntryView& each : *entries) {
      on_entry(now, {.term = each.term,
                     .index = each.index,
                     .kind = each.kind,
                     .payload = Blob(std::string(each.payload))});
    }
  }
}

void WireOracle::recovered(TimePoint now, std::size_t number, const raft::Core& core) {
  const Promised& promised = promises_[number];
  const raft::HardState hard = core.hard_state();
  if (hard.term < promised.term) {
    violations_.report(now, "promised term forgotten",
                       fmt::format("machine {} answered in term {} and restarted in term {}",
                                   number + 1, promised.term.value, hard.term.value));
    return;
  }
  const bool same_term = hard.term == promised.term;
  if (same_term && !promised.vote.value.empty() && hard.vote != promised.vote) {
    violations_.report(now, "vote forgotten",
                       fmt::format("machine {} voted for {} in term {} and restarted with {}",
                                   number + 1, promised.vote.value, promised.term.value,
                                   hard.vote ? hard.vote->value : "no vote"));
  }
  after_step(now, number, core);
}

// Votes are counted as they were sent, so a reply that arrives terms later helps nobody.
void WireOracle::elected(TimePoint now, std::size_t number, const NodeId& self,
                         const raft::Core& core) {
  anybody_led_ = true;
  const raft::Membership& membership = core.membership();
  std::size_t votes = membership.is_voter(self) ? 1 : 0;
  for (const raft::Member& member : membership.members) {
    if (!member.voter || member.id == self) continue;
    const auto vote = votes_.find({core.term(), member.id});
    votes += vote != votes_.end() && vote->second == self ? 1 : 0;
  }
  if (votes >= membership.quorum()) return;
  violations_.report(now, "leader without a majority of votes",
                     fmt::format("machine {} leads term {} with {} votes of {} voters", number + 1,
                                 core.term().value, votes, membership.voter_count()));
}

void WireOracle::after_step(TimePoint now, std::size_t number, const raft::Core& core) {
  const Promised& promised = promises_[number];
  if (promised.ack_term == Term{} || core.hard_state().term != promised.ack_term) return;
  if (core.last_index() >= promised.ack_match) return;
  violations_.report(
      now, "acknowledged entries lost",
      fmt::format("machine {} acknowledged index {} in term {} and ends at {}", number + 1,
                  promised.ack_match.value, promised.ack_term.value, core.last_index().value));
}

const raft::Entry* WireOracle::entry(LogIndex index, Term term) const {
  const auto found = entries_.find({index, term});
  return found == entries_.end() ? nullptr : &found->second;
}

}  // namespace lockstep::sim
