// GracefulStop: what a node does between SIGTERM and its end, step after step, each for a bounded
// time only:
//   1. if it leads, it hands leadership on and waits for the new leader. What it had accepted is
//      settled meanwhile, and requests that still come are passed on;
//   2. if that is wanted, it leaves the cluster;
//   3. it accepts no more requests and finishes those in work;
//   4. it makes a snapshot, so that the next start has little to replay.
// A node that is not there (not open yet, or between two lives) skips what needs one.
#pragma once

#include <functional>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "node/lifeline.h"
#include "node/node.h"

namespace lockstep::host {

class HttpServer;
class Loop;

class GracefulStop {
 public:
  struct Options {
    bool step_down = true;
    bool leave_cluster = false;
    Duration step_down_limit = seconds(2);
    Duration drain_limit = seconds(1);
    Duration snapshot_limit = seconds(5);
  };
  // Strand thread. The references outlive this object. `node` says who is there at the moment, or
  // null.
  GracefulStop(Loop& loop, LogSink& log, HttpServer& http, std::function<node::Node*()> node,
               Options options);

  // `done` runs as a turn, once; a failure if the node did not get out of the cluster although it
  // should. Call once.
  void begin(std::function<void(Status)> done);

 private:
  void step_down();
  void try_to_step_down();
  void await_leader();
  void leave();
  void try_to_leave();
  void left(const Status& status);
  void drain();
  void snapshot();
  void finish();
  std::function<void()> next(Duration limit, void (GracefulStop::*step)());
  [[nodiscard]] bool over(std::uint64_t step) const { return step != step_; }

  Loop& loop_;
  LogSink& log_;
  HttpServer& http_;
  std::function<node::Node*()> node_;
  Options options_;
  std::function<void(Status)> done_;
  std::function<void()> go_on_;  // to the next step
  std::uint64_t step_ = 0;
  unsigned attempts_ = 0;  // to leave
  Status outcome_;
  node::Lifeline life_;
};

}  // namespace lockstep::host
