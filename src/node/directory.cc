#include "node/directory.h"

#include <utility>

namespace lockstep::node {
namespace {

constexpr Duration kLookInterval = milliseconds(250);
constexpr std::uint64_t kLooksPerRound = 4;
constexpr Duration kReachableFor = seconds(3);

}  // namespace

Directory::Directory(env::Env env, NodeId self, std::string api_addr, std::string version,
                     Consensus& consensus)
    : env_(env),
      self_(std::move(self)),
      api_addr_(std::move(api_addr)),
      version_(std::move(version)),
      consensus_(consensus),
      ticker_(env, kLookInterval, [this] { look(); }) {}

void Directory::start() {
  look();
  ticker_.start();
}

// Every second; a node that is alone looks again sooner: the first members come within moments of
// each other. And at once whoever has come since.
void Directory::look() {
  const auto& membership = consensus_.core().membership();
  const bool all = rounds_++ % kLooksPerRound == 0;
  for (const auto& member : membership.members) {
    if (member.id != self_ && (all || find(member.id) == nullptr))
      consensus_.post(member.id, wire::ProbeAsk{1});
  }
  std::erase_if(entries_, [&](const auto& entry) { return !membership.find(entry.first); });
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
