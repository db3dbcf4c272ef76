// SimLanes: the lanes of one simulated process. A job's work runs at a drawn moment, its done a
// drawn moment later, longer the more the work used the disk; lanes overlap, each is serial. When
// the disk died inside a job (SimDisk::crash_after), the process dies with it and done never runs.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "base/rng.h"
#include "env/lanes.h"
#include "sim/gate.h"

namespace lockstep::sim {

class SimLanes final : public env::Lanes {
 public:
  struct Options {
    unsigned read_lanes = 2;
    Duration start_delay_max = microseconds(200);  // until a free lane takes a job
    Duration work_max = microseconds(50);          // a job's own computing
    // What the last job's disk operations took.
    std::function<Duration()> take_disk_time;
    // Asked after each work: has the disk died? If so the process is dead already.
    std::function<bool()> died;
  };
  // `queue` outlives it; it is destroyed only when `gate` was killed.
  SimLanes(EventQueue& queue, std::shared_ptr<Gate> gate, Rng rng, Options options);
  ~SimLanes() override;

  void run(env::LaneId lane, env::Task work, env::Task done) override;
  [[nodiscard]] unsigned read_lanes() const override { return options_.read_lanes; }
  // Jobs given and not yet done.
  [[nodiscard]] std::size_t jobs() const;

 private:
  struct Job {
    env::Task work;
    env::Task done;
  };
  struct Lane {
    Rng rng;
    std::deque<Job> jobs;
    bool busy = false;
  };
  using Key = std::pair<env::LaneKind, unsigned>;
  Lane& lane_of(env::LaneId id);
  void start_next(Lane& lane);
  void work(Lane& lane);
  void finish(Lane& lane);

  EventQueue& queue_;
  std::shared_ptr<Gate> gate_;
  Rng rng_;
  Options options_;
  std::map<Key, Lane> lanes_;
};

}  // namespace lockstep::sim
