// Server: one lockstepd. Wires disk, ports, node and API together, and takes them apart in the
// right order.
//
// Both ports listen before the node exists and while it opens again (host/node_life.h), so that
// nodes may start in any order: HTTP answers "store not open" (503), frames of peers are lost.
// SIGTERM and SIGINT end it in good order (host/graceful_stop.h); a second signal ends it at once.
#pragma once

#include <memory>

#include "host/flags.h"

namespace lockstep::host {

class Server {
 public:
  explicit Server(Config config);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Runs until a signal or a failure; returns the exit code. Failures have been printed as one line
  // "fatal: ..." on standard error. Call once.
  int run();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::host
