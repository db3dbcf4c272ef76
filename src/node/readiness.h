// Readiness: whether this node has caught up, once in its life. A restarted node is not ready while
// it replays what the cluster has long committed, nor one that has taken an image over while it
// lacks all that came after. How far that is, only the leader can say: the node asks as a
// linearizable read does, and is ready once the index that it is told is applied. Afterwards it
// lags by no more than any follower does.
//
// Turns.
#pragma once

#include "env/env.h"
#include "node/lifeline.h"
#include "node/reader.h"

namespace lockstep::node {

class Readiness {
 public:
  Readiness(env::Env env, ReadGate& reads, Applier& applier, Consensus& consensus);

  // Something changed that may let it go on: asks, if it is not asking already.
  void poke();
  [[nodiscard]] bool caught_up() const { return caught_up_; }
  // The index that it waits for; {0} while it does not know.
  [[nodiscard]] LogIndex target() const { return target_; }

 private:
  void told(Result<LogIndex> index);
  void again();

  env::Env env_;
  ReadGate& reads_;
  Applier& applier_;
  Consensus& consensus_;
  bool asking_ = false;
  bool caught_up_ = false;
  LogIndex target_;
  Lifeline life_;
};

}  // namespace lockstep::node
