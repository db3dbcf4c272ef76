#include "host/reaper.h"

namespace lockstep::host {

std::optional<NodeId> Reaper::look(const node::NodeStatus& status, TimePoint now) {
  const bool leads = status.role == raft::Role::leader;
  if (!leads || status.term != term_) silent_since_.clear();
  term_ = status.term;
  if (!leads) return std::nullopt;

  std::map<NodeId, TimePoint> silent;
  std::optional<NodeId> due;
  for (const auto& peer : status.members) {
    const NodeId& id = peer.member.id;
    if (id == status.self || peer.reachable) continue;
    const auto known = silent_since_.find(id);
    const TimePoint since = known == silent_since_.end() ? now : known->second;
    silent.emplace(id, since);
    const Duration patience = peer.member.voter ? options_.voters : options_.read_replicas;
    if (!due && patience > Duration::zero() && now - since >= patience) due = id;
  }
  silent_since_ = std::move(silent);
  return due;
}

}  // namespace lockstep::host
