// Vigil: looks now and then whether this node still does what it is there for, and finds the way
// out where it does not. A leader whose disk takes nothing any more, or that applies nothing, keeps
// a quorum busy and answers nobody: it hands leadership on. So does one whose clock was ahead and
// was set back: its stamps may not go back within its term, and would stand still. And whoever
// waits says for what, in the log, after a while.
//
// Turns.
#pragma once

#include <functional>
#include <string>

#include "env/env.h"
#include "node/applier.h"
#include "node/consensus.h"
#include "node/overdue.h"
#include "node/proposer.h"
#include "node/ticker.h"

namespace lockstep::node {

class Vigil {
 public:
  Vigil(env::Env env, Consensus& consensus, Applier& applier, Proposer& proposer,
        std::function<std::string()> waits_for);
  void start();

 private:
  void look();
  void look_at_disk();
  void look_at_applier();
  void look_at_clock();
  void look_at_waiting();
  void hand_over(const std::string& why);
  [[nodiscard]] bool is_alone() const;

  env::Env env_;
  Consensus& consensus_;
  Applier& applier_;
  Proposer& proposer_;
  std::function<std::string()> waits_for_;
  LogIndex applied_;
  TimePoint applied_at_{};  // when it moved last, or had nothing to do
  LogIndex stuck_at_;       // leadership was handed on for this one already
  Overdue overdue_;
  Ticker ticker_;
};

}  // namespace lockstep::node
