// Core::State: the whole of one core, private to src/raft/. Each subject's functions stand in the
// file named above them. Every public call is begin(now), one function of a subject, finish(out).
//
// What must wait for the disk is kept as a debt (`..._owed_`), not as a queue of messages: when a
// ticket comes back, the message is made from the state of that moment, or not at all if the term
// or the role has moved on. Losing such a message is legal; sending it late would have to be proven
// so.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/bugs.h"
#include "base/check.h"
#include "raft/core.h"
#include "raft/leadership.h"
#include "raft/term_log.h"

namespace lockstep::raft {

struct Core::State {
  State(Options options, std::uint64_t seed, Recovered recovered, TimePoint now);

  // --- frame.cc: the frame of every call
  void start(Effects& out);
  void begin(TimePoint now);
  void finish(Effects& out);
  void on_deadline(Effects& out);
  void on_message(const Message& message, Effects& out);
  void on_leader_deadline(Effects& out);
  // A message of a newer term makes this node follow in that term; false if it must be ignored.
  bool adopt_term(const Message& message, Effects& out);
  void form_cluster(const Membership& membership, Effects& out);
  void send(Effects& out, const NodeId& to, decltype(Message::body) body) const;
  [[nodiscard]] TimePoint next_deadline() const;

  // --- roles.cc: becoming something, and whose leader is whose
  void become_follower(Term term, std::optional<NodeId> leader, Effects& out);
  void become_pre_candidate(Effects& out);
  void become_candidate(bool transfer, Effects& out);
  void become_leader(Effects& out);
  void draw_election_deadline();
  [[nodiscard]] bool is_voter() const { return membership().is_voter(options_.self); }
  [[nodiscard]] bool may_campaign() const;
  // See Recovered::fence.
  [[nodiscard]] bool is_fenced() const;

  // --- election.cc
  void on_election_deadline(Effects& out);
  void on_vote_ask(const Message& message, const VoteAsk& ask, Effects& out);
  void on_pre_vote_ask(const Message& message, const VoteAsk& ask, Effects& out);
  void on_vote_reply(const Message& message, const VoteReply& reply, Effects& out);
  void own_vote_durable(Effects& out);
  void ask_voters(bool pre_vote, bool transfer, Effects& out);
  void count_votes(Effects& out);
  [[nodiscard]] bool hears_a_leader() const;
  [[nodiscard]] bool is_fresh(const Position& last) const;

  // --- durability.cc: the one Write of a call, and what its ticket pays
  Write& write(Effects& out);
  void set_hard(HardState hard, Effects& out);
  void append_entry(Entry entry, Effects& out);
  void truncate_after(LogIndex index, Effects& out);
  void on_persisted(Ticket ticket, Effects& out);
  [[nodiscard]] bool hard_durable() const { return persisted_ >= hard_ticket_; }

  // --- follower.cc
  void on_append(const Message& message, const Append& append, Effects& out);
  void accept_entries(const Append& append, Effects& out);
  // A message of this term's leader came; true if it belongs to a newer read round.
  bool hear_leader(const NodeId& leader, std::uint64_t round, Effects& out);
  // Whether this log and one that holds `at` are equal up to there.
  [[nodiscard]] bool holds(const Position& at) const;
  void reject(const Position& at, Effects& out);
  void answer_leader(bool at_once, Effects& out);
  void pay_ack(Effects& out);
  // How far this node may say it matches the leader.
  [[nodiscard]] LogIndex acknowledged() const;

  // --- replication.cc: the leader's side
  void propose(std::vector<Proposal> proposals, Effects& out);
  void on_append_reply(const Message& message, const AppendReply& reply, Effects& out);
  void on_rejection(const NodeId& from, Progress& progress, const AppendReply& reply, Effects& out);
  void suspect(const NodeId& from, Progress& progress, const AppendReply& reply, Effects& out);
  void replicate(Effects& out);
  void replicate_to(const NodeId& to, Progress& progress, Effects& out);
  void send_entries(const NodeId& to, Progress& progress, Effects& out);
  void send_notice(const NodeId& to, Progress& progress, Effects& out);
  void notify_all();
  void advance_commit(Effects& out);
  void set_commit(LogIndex commit);
  void check_quorum(Effects& out);
  // Null unless this node leads and `id` is another member.
  [[nodiscard]] const Progress* progress_of(const NodeId& id) const;

  // --- images.cc: members for whom the leader's log begins too late
  void compact(LogIndex index);
  void offer_image(const NodeId& to, Effects& out);
  void on_image_offer(const Message& message, const ImageOffer& offer, Effects& out);
  // Whether a log with this position may hold the entry at this log's base.
  [[nodiscard]] bool may_reach_base(const Position& hint) const;

  // --- reads.cc
  void read(RequestId id, Effects& out);
  void start_round(Effects& out);
  void finish_round(Effects& out);
  void refuse_reads(Effects& out);
  [[nodiscard]] bool own_term_committed() const;

  // --- membership_change.cc
  void change_membership(RequestId id, const NodeId& node, std::optional<Member> member,
                         Effects& out);
  void name_cluster(RequestId id, ClusterId cluster, Effects& out);
  void propose_membership(RequestId id, const Membership& changed, Effects& out);
  void membership_moved();
  // A Progress for each member that has none, from this round on.
  void meet_members();
  void resign_if_removed(Effects& out);
  [[nodiscard]] const std::pair<LogIndex, Membership>& in_force() const;
  [[nodiscard]] const Membership& membership() const { return in_force().second; }
  [[nodiscard]] const Membership& membership_at(LogIndex index) const;

  // --- transfer.cc
  void transfer(RequestId id, std::optional<NodeId> target, Effects& out);
  void push_transfer(Effects& out);
  void on_timeout_now(const Message& message, Effects& out);
  void resign(Effects& out);
  [[nodiscard]] std::optional<NodeId> best_successor() const;

  // --- invariants.cc
  void check_invariants();
  void check_history() const;
  void check_positions() const;
  void check_role() const;

  [[nodiscard]] LogIndex apply_limit() const { return std::min(commit_, durable_); }
  [[nodiscard]] Position position_at(LogIndex index) const;

  const Options options_;
  Rng rng_;
  TimePoint now_;

  HardState hard_;
  TermLog log_;
  LogIndex commit_;
  // Configurations in the log, ascending by index; the first is the one in force at the log's base.
  std::deque<std::pair<LogIndex, Membership>> memberships_;

  // See Recovered::forced; with the index 0, for it is as good as committed.
  std::optional<std::pair<LogIndex, Membership>> forced_;

  // Writes handed out and not yet durable, and how far the log is durable with each. Bounded by the
  // host: it decides how many calls it makes before a sync comes back.
  struct InFlight {
    Ticket ticket;
    LogIndex durable_to;
  };
  std::deque<InFlight> in_flight_;
  Ticket issued_;
  Ticket persisted_;
  Ticket hard_ticket_;  // carries the newest hard state
  LogIndex durable_;

  Role role_ = Role::follower;
  std::optional<NodeId> leader_;
  std::optional<TimePoint> leader_contact_;
  TimePoint election_deadline_ = kNever;
  Position fence_;
  bool elections_held_ = false;
  bool campaigned_ = false;  // in this life

  // Elections. A grant or an own vote is owed until the hard state is durable.
  std::set<NodeId> votes_;
  bool ask_owed_ = false;
  bool ask_is_transfer_ = false;
  bool grant_owed_ = false;

  // As a follower in this term.
  LogIndex matched_;  // equal to the leader's log up to here, in memory
  std::uint64_t round_seen_ = 0;
  bool ack_owed_ = false;

  std::optional<Leadership> leading_;  // engaged iff role_ is leader

  // The state after the previous call, for finish() and the invariants.
  struct Before {
    Role role = Role::follower;
    HardState hard;
    std::optional<NodeId> leader;
    LogIndex commit;
    LogIndex apply_limit;
    LogIndex last;
    Ticket persisted;
  };
  Before before_;
};

// Simulation only: a switched-on bug may leave this node facing what honest peers never send. The
// node then ignores it instead of stopping, so that the oracles outside see the harm.
inline bool peers_may_lie() {
#ifdef LOCKSTEP_SIMULATION
  return !bug_is_on(Bug::none);
#else
  return false;
#endif
}

}  // namespace lockstep::raft
