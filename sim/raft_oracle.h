// RaftOracle: judges the consensus cores from outside, after every step of every node, against what
// any of them ever showed: one leader per term, committed entries that never change, leaders that
// hold them all, commits that a majority of voters holds durably, indexes that never go back.
// Names in brackets are the properties of Ongaro's dissertation, figure 3.2.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/node.h"
#include "sim/violation.h"

namespace lockstep::sim {

class RaftOracle {
 public:
  RaftOracle(Violations& violations, std::vector<std::string> names);

  // A process of machine `number` recovered; nothing of it ran yet.
  void recovered(TimePoint now, std::size_t number, const node::Node& node);
  void after_step(TimePoint now, std::size_t number, const node::Node& node);
  // The machine lost its disk. What it had acknowledged may still be counted by leaders.
  void forget(std::size_t number) { seen_[number].lost = seen_[number].durable; }

  // A machine goes on with members it was given after the quorum was lost: its leader appends them
  // at once.
  void allow_recovery() { recovery_allowed_ = true; }

  struct Committed {
    Term term;       // of the entry
    Term seen_term;  // of the node that was first seen to know it committed
  };
  // All entries known to be committed; index 1 is at [0]. A gap has term 0.
  [[nodiscard]] const std::vector<Committed>& committed() const { return committed_; }
  // Leaders elected so far, by term.
  [[nodiscard]] const std::map<Term, std::size_t>& leaders() const { return leaders_; }

 private:
  struct Seen {
    raft::Role role = raft::Role::follower;
    Term term;
    LogIndex commit;  // also how far this process was compared with committed_
    LogIndex applied;
    LogIndex durable;  // outlives the process
    LogIndex lost;     // was durable on a disk that is lost
    LogIndex membership_index;
    raft::Membership membership;  // in force after the step before
  };
  void on_leader(TimePoint now, std::size_t number, const raft::Core& core);
  void on_commit(TimePoint now, std::size_t number, const raft::Core& core);
  void on_membership(TimePoint now, std::size_t number, const raft::Core& core);
  void on_leader_commit(TimePoint now, std::size_t number, const raft::Core& core);
  [[nodiscard]] std::size_t holders(const raft::Membership& membership, LogIndex index) const;
  void report(TimePoint now, std::string rule, std::size_t number, std::string text);

  Violations& violations_;
  std::vector<std::string> names_;
  std::vector<Seen> seen_;
  bool recovery_allowed_ = false;
  std::map<Term, std::size_t> leaders_;
  std::vector<Committed> committed_;
};

}  // namespace lockstep::sim
