// Caretaker: what the host does for a running node from time to time. It makes a quiet node's state
// durable, lets a leader remove members that are silent for too long, and notices that this node
// itself was removed. One for each life of the node.
#pragma once

#include <functional>

#include "base/log.h"
#include "host/reaper.h"
#include "node/lifeline.h"
#include "node/node.h"

namespace lockstep::host {

class Loop;

class Caretaker {
 public:
  struct Options {
    Duration snapshot_interval = seconds(10);
    Reaper::Options reap;
  };

  // Strand thread. The references outlive this object. `removed` (may be empty: nobody wants to
  // know) is called as a turn once this node is found to be no member any more.
  Caretaker(Loop& loop, LogSink& log, node::Node& node, Options options,
            std::function<void()> removed);

 private:
  void look_at_members();
  void look_for_removal(const node::NodeStatus& status);
  void remove(const NodeId& id);
  void make_durable();

  Loop& loop_;
  LogSink& log_;
  node::Node& node_;
  Options options_;
  Reaper reaper_;
  std::function<void()> removed_;
  bool was_member_ = false;
  bool removing_ = false;
  node::Lifeline life_;
};

}  // namespace lockstep::host
