// What a node says of itself: its state, whether it serves, and what it waits for.
#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "node/state.h"

namespace lockstep::node {
namespace {

constexpr Duration kTouchLost = seconds(5);

}  // namespace

NodeStatus Node::State::status() const {
  const auto& core = consensus.core();
  NodeStatus status;
  status.self = options.self;
  status.raft_addr = options.raft_addr;
  status.api_addr = options.api_addr;
  status.cluster = consensus.cluster();
  status.holds_data = !is_new || !core.membership().members.empty();
  status.role = core.role();
  status.voter = core.membership().is_voter(options.self);
  status.term = core.term();
  status.leader = core.leader();
  if (status.leader) status.leader_addr = consensus.address_of(*status.leader);
  status.first_index = core.first_index();
  status.last_index = core.last_index();
  status.commit = core.commit();
  status.applied = applier.applied();
  status.durable = snapshotter.durable();
  status.wal_bytes = snapshotter.wal_bytes();
  status.disk_full = log_full || database_full;
  status.removed = joiner.was_removed();
  status.recovering = core.is_recovering();
  if (const auto error = out_of_service()) status.out_of_service = error->text;
  const bool settled = joiner.is_settled() || LOCKSTEP_BUG(ready_before_voter);
  status.ready = is_in_touch() && readiness.caught_up() && settled && !out_of_service();
  status.waits_for = waits_for();
  const auto& counts = doorkeeper.counts();
  status.turned_away = {counts.malformed, counts.misdirected, counts.foreign};
  if (const auto contact = core.leader_contact())
    status.leader_contact_age = env.clock.now() - *contact;
  status.members = members();
  for (const auto& peer : status.members)
    if (status.leader == peer.member.id) status.leader_api_addr = peer.api_addr;
  return status;
}

// It leads or hears who leads, and its disk takes what it is told.
bool Node::State::is_in_touch() const {
  const auto& core = consensus.core();
  if (!core.leader() || consensus.disk_waits() >= kTouchLost) return false;
  if (core.role() == raft::Role::leader) return true;
  const auto contact = core.leader_contact();
  return contact && env.clock.now() - *contact < kTouchLost;
}

// A member's API address is in the log; what it said since may be newer.
std::vector<PeerStatus> Node::State::members() const {
  std::vector<PeerStatus> all;
  for (const auto& member : consensus.core().membership().members) {
    PeerStatus peer{
        .member = member, .api_addr = member.api_addr, .reachable = directory.reachable(member.id)};
    if (const auto* entry = directory.find(member.id)) peer.api_addr = entry->api_addr;
    if (member.id == options.self) peer.api_addr = options.api_addr;
    all.push_back(std::move(peer));
  }
  return all;
}

std::optional<Error> Node::State::out_of_service() const {
  if (!contradicted && !claimed_by) return std::nullopt;  // Asked with every frame and request.
  const std::string node = "node " + options.self.value;
  if (contradicted)
    return Error{Errc::out_of_service,
                 node +
                     " holds committed entries that the leader's log contradicts: a majority has "
                     "lost what it had acknowledged (disks that were put back?), and this node "
                     "serves nothing beside it. Keep the history that counts: empty the data "
                     "folders of the others and let them join it, or this one's"};
  return Error{Errc::out_of_service,
               node + " holds none of the data of cluster " + to_string(*claimed_by) +
                   ", which knows it as a member: its data was lost, and it serves nothing. Remove "
                   "it from that cluster (DELETE /remove on another node), then start it with an "
                   "empty data folder and -join. (If what it has taken since is what counts, go on "
                   "with it by raft/peers.json)"};
}

std::string Node::State::waits_for() const {
  if (out_of_service()) return "an operator to do what out_of_service says";
  if (auto text = founding.waits_for(); !text.empty()) return text;
  const auto& core = consensus.core();
  const bool leaderless_member =
      !core.leader() && core.membership().find(options.self) != nullptr && !joiner.was_removed();
  if (auto text = joiner.waits_for(); !text.empty() && !leaderless_member) return text;
  if (core.membership().members.empty())
    return options.may_join || !options.join.empty()
               ? "the leader of the cluster that let it in"
               : "a -join list: a read replica founds no cluster";
  if (!core.leader()) {
    std::string silent;
    for (const auto& peer : members()) {
      if (peer.member.voter && !peer.reachable)
        silent += (silent.empty() ? " (silent: node " : ", node ") + peer.member.id.value + " at " +
                  consensus.address_of(peer.member.id);
    }
    const std::string why =
        core.is_fenced() ? "; it may not vote itself before its log holds what it was let in with"
                         : "";
    return "a leader" + silent + (silent.empty() ? "" : ")") + why;
  }
  if (consensus.disk_waits() >= kTouchLost) return "the disk of its log, which completes nothing";
  if (!is_in_touch()) return "word from the leader, node " + core.leader()->value;
  if (fetcher.busy()) return "an image of the database";
  if (!readiness.caught_up())
    return readiness.target() == LogIndex{}
               ? "the leader to say what is committed"
               : "entry " + to_string(readiness.target()) + " to be applied; it is at " +
                     to_string(applier.applied());
  return "";
}

}  // namespace lockstep::node
