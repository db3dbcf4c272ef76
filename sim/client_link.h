// ClientLink: the way between clients and nodes. A request or its answer may be late or lost; a
// node that does not run refuses the connection. It also keeps the promise of api::Handler in
// view: every request that reached a living process is answered, once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/handler.h"
#include "base/rng.h"
#include "sim/machine.h"
#include "sim/violation.h"

namespace lockstep::sim {

enum class Fate {
  answered,
  refused,    // nobody listened: certainly nothing happened
  timed_out,  // whatever happened, the client does not know
};

struct Exchange {
  Fate fate = Fate::timed_out;
  api::Response response;   // if answered
  std::uint64_t start = 0;  // which start of the machine answered
};

class ClientLink {
 public:
  struct Options {
    Duration delay_min = microseconds(50);
    Duration delay_max = milliseconds(1);
    unsigned loss_per_10k = 0;  // of requests, and again of answers
    unsigned late_per_10k = 0;  // requests that arrive when the client may have given up
  };
  using Done = std::move_only_function<void(Exchange)>;

  // All of it outlives the link.
  ClientLink(EventQueue& queue, Trace& trace, Violations& violations,
             std::vector<std::unique_ptr<Machine>>& machines, Rng rng, Options options);

  // Calls `done` exactly once, in a later event.
  void send(std::size_t machine, api::Request request, Duration timeout, Done done);
  // No request or answer is lost or late from here on.
  void calm() { options_.loss_per_10k = options_.late_per_10k = 0; }

  // A request that waits at a running, unpaused process for longer than `bound`: one line about it.
  [[nodiscard]] std::optional<std::string> overdue(Duration bound) const;

 private:
  struct Call {
    Done done;
    EventQueue::Id timer;
  };
  struct AtServer {
    std::size_t machine;
    std::uint64_t start;
    TimePoint since{};
    std::string target;
    bool answered = false;
  };
  void arrive(std::uint64_t id, std::size_t number, api::Request request);
  void answered(std::uint64_t id, api::Response response);
  void finish(std::uint64_t id, Exchange exchange);
  Duration draw_delay();
  Duration draw_request_delay();
  bool draw_loss() { return rng_.chance(options_.loss_per_10k, 10'000); }

  EventQueue& queue_;
  Trace& trace_;
  Violations& violations_;
  std::vector<std::unique_ptr<Machine>>& machines_;
  Rng rng_;
  Options options_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Call> calls_;
  std::map<std::uint64_t, AtServer> at_server_;
};

}  // namespace lockstep::sim
