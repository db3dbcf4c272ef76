// AddressBook: where other nodes can be reached by their ids. A node says in each frame where it
// listens (reply_to), and answers go there: the log may know an older address, or, at a node that
// was down meanwhile, nobody's. What the log says counts for those that have not been heard since
// it said so.
//
// Turns. Only frames of the own cluster, or of nodes that are being let in, may be noted.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/ids.h"
#include "raft/membership.h"

namespace lockstep::node {

class AddressBook {
 public:
  // A frame came from `id`, which says that it listens at `address`. `members`: those in force.
  void note(const NodeId& id, const std::string& address, const raft::Membership& members);
  // Empty: unknown.
  [[nodiscard]] std::string find(const NodeId& id, const raft::Membership& members) const;

 private:
  struct Heard {
    std::string address;
    std::string in_log;  // what the membership said then; empty: no member
  };
  std::size_t strangers(const raft::Membership& members) const;

  std::map<NodeId, Heard> heard_;
};

}  // namespace lockstep::node
