// The frame of every call: what precedes it, what follows it, and which subject a message or a
// deadline belongs to.
#include <algorithm>
#include <type_traits>
#include <utility>

#include "raft/state.h"

namespace lockstep::raft {

Core::State::State(Options options, std::uint64_t seed, Recovered recovered, TimePoint now)
    : options_(std::move(options)),
      rng_(Rng(seed).derive("raft")),
      now_(now),
      hard_(std::move(recovered.hard)),
      log_(recovered.base),
      commit_(recovered.commit) {
  CHECK(!options_.self.value.empty());
  CHECK(options_.heartbeat_interval > Duration::zero());
  CHECK(options_.election_timeout > options_.heartbeat_interval);
  CHECK(recovered.terms.size() == recovered.sizes.size());
  for (std::size_t i = 0; i < recovered.terms.size(); ++i)
    log_.append(recovered.terms[i], recovered.sizes[i]);
  // Hard state goes to disk before the entries of its term. The base alone may be of a newer one:
  // it came with an image.
  const bool entries_in_order = recovered.terms.empty() || hard_.term >= log_.last().term;
  CHECK(entries_in_order || LOCKSTEP_BUG(vote_not_persisted));
  CHECK(log_.base().index <= commit_);
  CHECK(commit_ <= log_.last_index());
  memberships_.emplace_back(log_.base().index, std::move(recovered.base_membership));
  for (auto& known : recovered.memberships) {
    CHECK(known.first > memberships_.back().first);
    CHECK(known.first <= log_.last_index());
    memberships_.push_back(std::move(known));
  }
  fence_ = recovered.fence;
  if (recovered.forced) forced_.emplace(LogIndex{}, std::move(*recovered.forced));
  durable_ = log_.last_index();
  before_ = {.role = role_,
             .hard = hard_,
             .leader = leader_,
             .commit = commit_,
             .apply_limit = apply_limit(),
             .last = log_.last_index(),
             .persisted = persisted_};
}

void Core::State::start(Effects& out) {
  // Nobody was voted for in a term that this node never entered: grants wait for the hard state. As
  // any other, the new one is durable before anything is promised in its term.
  if (hard_.term < log_.last().term)
    set_hard({.term = log_.last().term, .vote = std::nullopt}, out);
  draw_election_deadline();
  // Alone, there is nobody to wait for.
  if (is_voter() && membership().voter_count() == 1) on_election_deadline(out);
}

void Core::State::begin(TimePoint now) {
  CHECK(now >= now_);
  now_ = now;
}

void Core::State::finish(Effects& out) {
  // Everything this call appended, freed or found lost goes out in as few messages as possible.
  if (leading_) replicate(out);
  check_invariants();
  if (role_ != before_.role || hard_.term != before_.hard.term || leader_ != before_.leader)
    out.status_changed = true;
  if (apply_limit() > before_.apply_limit) out.apply_more = true;
  out.deadline = next_deadline();

  before_.role = role_;
  if (before_.hard != hard_) before_.hard = hard_;
  if (before_.leader != leader_) before_.leader = leader_;
  before_.commit = commit_;
  before_.apply_limit = apply_limit();
  before_.last = log_.last_index();
  before_.persisted = persisted_;
}

void Core::State::form_cluster(const Membership& membership, Effects& out) {
  // The same entry on every founder, of a term in which nobody ever leads.
  set_hard({.term = Term{1}, .vote = std::nullopt}, out);
  append_entry({.term = Term{1},
                .index = LogIndex{1},
                .kind = EntryKind::config,
                .payload = Blob(encode(membership))},
               out);
  draw_election_deadline();
  if (membership.voter_count() == 1) election_deadline_ = now_;
}

TimePoint Core::State::next_deadline() const {
  if (!leading_) return may_campaign() && !elections_held_ ? election_deadline_ : kNever;
  TimePoint next = std::min(leading_->heartbeat_at, leading_->quorum_check_at);
  if (leading_->transfer) next = std::min(next, leading_->transfer->give_up_at);
  return next;
}

void Core::State::on_deadline(Effects& out) {
  if (leading_) {
    on_leader_deadline(out);
  } else if (now_ >= election_deadline_) {
    on_election_deadline(out);
  }
}

void Core::State::on_leader_deadline(Effects& out) {
  if (now_ >= leading_->quorum_check_at) check_quorum(out);
  if (!leading_) return;
  auto& handover = leading_->transfer;
  if (handover && now_ >= handover->give_up_at) handover.reset();
  if (now_ < leading_->heartbeat_at) return;
  leading_->heartbeat_at = now_ + options_.heartbeat_interval;
  notify_all();
  if (handover) handover->told = false;
  push_transfer(out);
}

void Core::State::send(Effects& out, const NodeId& to, decltype(Message::body) body) const {
  out.messages.push_back(
      {.from = options_.self, .to = to, .term = hard_.term, .body = std::move(body)});
}

Position Core::State::position_at(LogIndex index) const {
  const std::optional<Term> term = log_.term_at(index);
  CHECK(term.has_value());
  return {index, *term};
}

bool Core::State::adopt_term(const Message& message, Effects& out) {
  if (message.term <= hard_.term) return true;
  if (const auto* ask = std::get_if<VoteAsk>(&message.body)) {
    if (ask->pre_vote) return true;  // a term that nobody has entered yet
    if (!ask->transfer && hears_a_leader()) {
      // A node that was removed or cut off must not depose a leader that works (4.2.3).
      send(out, message.from, VoteReply{.pre_vote = false, .granted = false});
      return false;
    }
  }
  const bool leads = std::holds_alternative<Append>(message.body) ||
                     std::holds_alternative<ImageOffer>(message.body);
  become_follower(message.term, leads ? std::optional(message.from) : std::nullopt, out);
  return true;
}

void Core::State::on_message(const Message& message, Effects& out) {
  if (!adopt_term(message, out)) return;
  std::visit(
      [&](const auto& body) {
        using Body = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<Body, VoteAsk>) {
          body.pre_vote ? on_pre_vote_ask(message, body, out) : on_vote_ask(message, body, out);
        } else if constexpr (std::is_same_v<Body, VoteReply>) {
          on_vote_reply(message, body, out);
        } else if constexpr (std::is_same_v<Body, Append>) {
          on_append(message, body, out);
        } else if constexpr (std::is_same_v<Body, AppendReply>) {
          on_append_reply(message, body, out);
        } else if constexpr (std::is_same_v<Body, ImageOffer>) {
          on_image_offer(message, body, out);
        } else {
          on_timeout_now(message, out);
        }
      },
      message.body);
}

}  // namespace lockstep::raft
