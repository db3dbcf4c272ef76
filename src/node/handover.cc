#include "node/handover.h"

#include <utility>

namespace lockstep::node {

Handover::Handover(env::Env env, raft::RequestId id, Duration patience, Consensus& consensus)
    : env_(env), id_(id), patience_(patience), consensus_(consensus) {}

void Handover::begin(std::optional<NodeId> target, Done done) {
  if (consensus_.core().role() != raft::Role::leader)
    return done(fail(Errc::not_leader, "not leader"));
  if (done_) return done(fail(Errc::busy, "leadership is being transferred already"));
  done_ = std::move(done);
  ++attempt_;
  env_.turns.at(env_.clock.now() + patience_, life_.guard([this, attempt = attempt_] {
    if (attempt == attempt_) answer(fail(Errc::timeout, "leadership transfer timeout"));
  }));
  consensus_.transfer(id_, std::move(target));
}

void Handover::refused(const raft::Refused& refused) {
  const bool busy = refused.reason == raft::Refusal::transferring;
  answer(busy ? fail(Errc::busy, "leadership is being transferred already")
              : fail(Errc::invalid, "cannot find peer"));
}

void Handover::status_changed() {
  if (consensus_.core().role() != raft::Role::leader) answer({});
}

void Handover::answer(Status status) {
  if (!done_) return;
  ++attempt_;
  std::exchange(done_, nullptr)(std::move(status));
}

}  // namespace lockstep::node
