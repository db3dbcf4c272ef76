#include "node/addresses.h"

#include <algorithm>

#include "base/bugs.h"

namespace lockstep::node {
namespace {

// Of those that are no members. Who finds no room is told its address by the log, later.
constexpr std::size_t kStrangersMax = 64;

std::string in_log(const NodeId& id, const raft::Membership& members) {
  const auto* member = members.find(id);
  return member == nullptr ? std::string() : member->address;
}

}  // namespace

void AddressBook::note(const NodeId& id, const std::string& address,
                       const raft::Membership& members) {
  if (address.empty()) return;
  const auto known = heard_.find(id);
  if (known == heard_.end() && members.find(id) == nullptr && strangers(members) >= kStrangersMax)
    return;
  const std::string logged = in_log(id, members);
  if (known != heard_.end() && known->second.address == address && known->second.in_log == logged)
    return;
  heard_[id] = {address, logged};
}

std::size_t AddressBook::strangers(const raft::Membership& members) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      heard_, [&](const auto& each) { return members.find(each.first) == nullptr; }));
}

std::string AddressBook::find(const NodeId& id, const raft::Membership& members) const {
  std::string logged = in_log(id, members);
  const auto heard = heard_.find(id);
  if (heard == heard_.end()) return logged;
  if (LOCKSTEP_BUG(answers_by_membership) && !logged.empty()) return logged;
  // The log has moved on since: it knows better.
  if (!logged.empty() && logged != heard->second.in_log) return logged;
  return heard->second.address;
}

}  // namespace lockstep::node
