// ThreadLanes: env::Lanes with one thread per lane (log, apply, image, and k readers). A job's
// `done` comes back to the strand thread as a turn; completions that pile up while the strand
// thread is busy share one wake-up.
//
// Queues are not bounded here: the node bounds what it hands over (env/lanes.h).
#pragma once

#include <memory>
#include <vector>

#include "env/lanes.h"

namespace lockstep::host {

class Loop;

class ThreadLanes final : public env::Lanes {
 public:
  // Starts the threads. `loop` outlives this object.
  ThreadLanes(Loop& loop, unsigned read_lanes);
  ~ThreadLanes() override;  // stop()
  ThreadLanes(const ThreadLanes&) = delete;
  ThreadLanes& operator=(const ThreadLanes&) = delete;

  void run(env::LaneId lane, env::Task work, env::Task done) override;
  [[nodiscard]] unsigned read_lanes() const override { return read_lanes_; }

  // Strand thread. Waits for the jobs that are running, drops those that are not, joins the
  // threads. No `done` runs afterwards, and run() does nothing. Comes before the node is destroyed:
  // a running job uses what the node owns.
  void stop();

 private:
  class Lane;
  struct Completions;
  Lane& lane(env::LaneId id);

  unsigned read_lanes_;
  bool stopped_ = false;
  std::shared_ptr<Completions> completions_;
  std::vector<std::unique_ptr<Lane>> lanes_;  // log, apply, image, read 0, read 1, ...
};

}  // namespace lockstep::host
