// What dramas about members share: looking into nodes, and switching a bug on for one story.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/bugs.h"
#include "tests/sim/drama.h"

namespace lockstep::sim {

// A bug that is on while this is there.
class BugOn {
 public:
  explicit BugOn(Bug bug) { switch_bug_on(bug); }
  ~BugOn() { switch_bug_on(Bug::none); }
  BugOn(const BugOn&) = delete;
  BugOn& operator=(const BugOn&) = delete;
};

class MemberDrama : public Drama {
 protected:
  const raft::Core& core(std::size_t machine) { return world->machine(machine).node().core(); }
  node::NodeStatus status(std::size_t machine) { return world->machine(machine).node().status(); }
  bool runs(std::size_t machine) { return world->machine(machine).running(); }
  NodeId id(std::size_t machine) { return NodeId{world->machine(machine).name()}; }
  bool until(const std::function<bool()>& holds, Duration bound = seconds(10)) {
    return world->run_until(holds, bound);
  }
  // In the membership in force at the leader.
  const raft::Member* member(std::size_t machine) {
    return world->leader() ? core(*world->leader()).membership().find(id(machine)) : nullptr;
  }
  bool is_voter(std::size_t machine) {
    const auto* found = member(machine);
    return found != nullptr && found->voter;
  }
  // Where the leader's log says that it is; "" without a leader, or if it is no member.
  std::string address(std::size_t machine) {
    const auto* found = member(machine);
    return found == nullptr ? "" : found->address;
  }
  void hand_over_to(std::size_t machine) {
    if (world->leader() == machine) return;
    world->machine(*world->leader()).as_step([to = id(machine)](node::Node& node) {
      node.transfer_leadership(to, [](Status) {});
    });
    ASSERT_TRUE(until([&] { return world->leader() == machine; })) << world->progress_text();
    ASSERT_TRUE(converge(*world, seconds(10))) << violation();
  }
  // Asks this machine to remove a member; what comes of it ends up in removals_.
  void remove(std::size_t asked, std::size_t target, bool force) {
    world->machine(asked).as_step([this, target = id(target), force](node::Node& node) {
      node.remove_member(target, force,
                         [this](Status done) { removals_.push_back(std::move(done)); });
    });
  }

  std::vector<Status> removals_;
};

}  // namespace lockstep::sim
