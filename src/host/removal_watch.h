// RemovalWatch: notices that this node was removed from its cluster. The log of a removed follower
// does not say so: the leader sends it nothing more from the moment it appends the removal. So a
// member that has not heard a leader for a while asks the others over HTTP who belongs to the
// cluster, and believes only the one that leads.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/address.h"
#include "node/lifeline.h"
#include "node/node.h"

namespace lockstep::host {

class Loop;

class RemovalWatch {
 public:
  // Strand thread. `loop` outlives this object. `removed` runs as a turn, once at most; empty:
  // nobody wants to know.
  RemovalWatch(Loop& loop, std::function<void()> removed);

  // Call about once a second, with what the node sees.
  void look(const node::NodeStatus& status);

 private:
  void ask(const NodeId& self);
  void found_removed();

  Loop& loop_;
  std::function<void()> removed_;
  bool was_member_ = false;
  bool asking_ = false;
  std::vector<std::string> others_;  // API addresses of the other members
  std::size_t turn_ = 0;
  node::Lifeline life_;
};

// Whether a body of /nodes?ver=2&nonvoters, from the node whose API is at `asked`, says that `self`
// is no member: only if that node leads.
bool says_removed(std::string_view body, std::string_view asked, const NodeId& self);

}  // namespace lockstep::host
