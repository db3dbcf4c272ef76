// WireOracle: judges what nodes tell each other. A vote or an acknowledgement that left a machine
// is a promise that must outlive every crash of it; an entry that left a leader has one content for
// ever. Knows nothing of the nodes' insides but their answers after a restart.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "raft/core.h"
#include "raft/messages.h"
#include "sim/violation.h"
#include "wire/frames.h"

namespace lockstep::sim {

// What a frame promises, for those who choose a moment to crash its sender.
enum class Promise { none, vote, append_ack };

class WireOracle {
 public:
  WireOracle(Violations& violations, std::size_t machines) : violations_(violations) {
    promises_.resize(machines);
  }

  // A frame leaves machine `from`.
  Promise sent(TimePoint now, std::size_t from, std::string_view frame);
  // Machine wrote `bytes` to a file of its Raft log: the entries of the batches in it.
  void stored(TimePoint now, std::string_view bytes);
  // Machine `number` has just sent a vote: had it once acknowledged more than its log now shows, a
  // leader without a committed entry could be elected by it.
  void voted(TimePoint now, std::size_t number, const raft::Core& core);
  // The machine lost its disk, and with it what it had promised: from here on it is a new one. But
  // it is one that must not vote before its log has made up for what was acknowledged in its name.
  void forget(std::size_t number);
  // Machine `number` recovered from its disk: what it promised must be there.
  void recovered(TimePoint now, std::size_t number, const raft::Core& core);
  // Machine `number` begins to lead: a majority must have voted for it in its term.
  void elected(TimePoint now, std::size_t number, const NodeId& self, const raft::Core& core);
  // After any step: nothing acknowledged in the current term may leave the log in that term.
  void after_step(TimePoint now, std::size_t number, const raft::Core& core);

  // Content of an entry, if it was ever sent or stored.
  [[nodiscard]] const raft::Entry* entry(LogIndex index, Term term) const;

 private:
  struct Promised {
    Term term;      // a granted vote or an acknowledgement was sent in this term
    NodeId vote;    // to whom, in `term`; empty: none
    Term ack_term;  // entries up to ack_match were acknowledged to the leader of this term
    LogIndex ack_match;
    // The same two, on disks that are lost since.
    Term lost_term;
    LogIndex lost_match;
  };
  void on_vote(TimePoint now, std::size_t from, const NodeId& voter, Term term,
               const NodeId& candidate);
  void on_ack(std::size_t from, Term term, LogIndex match);
  void on_entry(TimePoint now, const raft::Entry& entry);

  Violations& violations_;
  std::vector<Promised> promises_;
  std::map<std::pair<Term, NodeId>, NodeId> votes_;
  std::map<std::pair<LogIndex, Term>, raft::Entry> entries_;
  // Before anybody has led, what a founder wrote is no promise: if it loses that, its next life may
  // found a cluster of another name.
  bool anybody_led_ = false;
};

}  // namespace lockstep::sim
