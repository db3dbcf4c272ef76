// ThreadLanes: env::Lanes with one thread per lane (log, apply, image, and k readers). A job's
// `done` comes back to the strand thread as a turn; completions that pile up while the strand
// thread is busy share one wake-up.
//
// A lane that has nothing else to do and whose jobs were short lately offers its job to the loop
// (IdleJob in host/loop.h): when the strand is idle, that saves the two hops. When it is busy they
// are worth their price, since turns go on meanwhile. Image jobs are long, and never offered.
//
// A read that takes long gives way to all other work of the machine (host/job_watch.h).
//
// Queues are not bounded here: the node bounds what it hands over (env/lanes.h).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "env/lanes.h"

namespace lockstep::host {

class Completions;
class Lane;
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
  // Strand thread. How many jobs were done by the strand thread, and how many by the lane's own.
  struct Counts {
    std::uint64_t here = 0;
    std::uint64_t elsewhere = 0;
  };
  [[nodiscard]] Counts counts(env::LaneId id);

 private:
  Lane& lane(env::LaneId id);
  Lane& read_lane(unsigned number);
  void watch_reads();

  Loop& loop_;
  const unsigned read_lanes_;
  bool stopped_ = false;
  std::shared_ptr<Completions> completions_;
  env::TimerId watch_;                        // of the reads; 0: none is under way
  std::vector<std::unique_ptr<Lane>> lanes_;  // log, apply, image, read 0, read 1, ...
};

}  // namespace lockstep::host
