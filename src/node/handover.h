// Handover: leadership transfer on request (dissertation 3.10). The core stops taking proposals and
// tells the target to campaign; this follows what becomes of it.
#pragma once

#include <functional>
#include <optional>

#include "env/env.h"
#include "node/consensus.h"
#include "node/lifeline.h"

namespace lockstep::node {

class Handover {
 public:
  using Done = std::move_only_function<void(Status)>;

  // `id`: the one request id that is the handover's own.
  Handover(env::Env env, raft::RequestId id, Duration patience, Consensus& consensus);

  // See Node::transfer_leadership().
  void begin(std::optional<NodeId> target, Done done);
  [[nodiscard]] bool owns(raft::RequestId id) const { return id == id_; }
  void refused(const raft::Refused& refused);
  void status_changed();

 private:
  void answer(Status status);

  env::Env env_;
  const raft::RequestId id_;
  const Duration patience_;
  Consensus& consensus_;
  Done done_;
  std::uint64_t attempt_ = 0;
  Lifeline life_;
};

}  // namespace lockstep::node
