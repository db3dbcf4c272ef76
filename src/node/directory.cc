#include "node/directory.h"

#include <utility>

namespace lockstep::node {
namespace {

constexpr Duration kAskInterval = seconds(1);
constexpr Duration kReachableFor = seconds(3);

}  // namespace

Directory::Directory(env::Env env, NodeId self, std::string api_addr, std::string version,
                     Consensus& consensus)
    : env_(env),
      self_(std::move(self)),
      api_addr_(std::move(api_addr)),
      version_(std::move(version)),
      consensus_(consensus) {}

void Directory::start() {
  ask_all();
}

void Directory::ask_all() {
  const auto& membership = consensus_.core().membership();
  std::erase_if(entries_, [&](const auto& entry) { return !membership.find(entry.first); });
  for (const auto& member : membership.members) {
    if (member.id == self_) continue;
    consensus_.post(member.id, wire::ProbeAsk{1});
  }
  // A node that is alone looks again soon: the first members come within moments of each other.
  const Duration pause = membership.members.size() > 1 ? kAskInterval : kAskInterval / 4;
  env_.turns.at(env_.clock.now() + pause, life_.guard([this] { ask_all(); }));
}

void Directory::on_ask(const NodeId& from, const wire::ProbeAsk& ask) {
  consensus_.post(from, wire::ProbeReply{ask.id, api_addr_, version_});
}

void Directory::on_reply(const NodeId& from, wire::ProbeReply reply) {
  if (!consensus_.core().membership().find(from)) return;
  entries_[from] = {std::move(reply.api_addr), std::move(reply.version), env_.clock.now()};
}

const Directory::Entry* Directory::find(const NodeId& id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : &it->second;
}

bool Directory::reachable(const NodeId& id) const {
  if (id == self_) return true;
  const Entry* entry = find(id);
  return entry && env_.clock.now() - entry->heard <= kReachableFor;
}

}  // namespace lockstep::node
