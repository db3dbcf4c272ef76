// The network between nodes: datagrams that may be lost, doubled and reordered. Production: TCP
// links with reconnect, so loss happens only around a broken link or a full queue. Simulation:
// whatever the seed draws. Frames arrive at Node::receive().
#pragma once

#include <string>

namespace lockstep::env {

class Peers {
 public:
  virtual ~Peers() = default;
  // Turns only. Never blocks; the queue to each address is bounded in bytes, and what does not fit
  // is dropped. `address` is "host:port" of the other node's Raft listener.
  virtual void send(const std::string& address, std::string frame) = 0;
};

}  // namespace lockstep::env
