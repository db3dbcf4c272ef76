// Client: one simulated user. It thinks, asks any node for something at some level, waits for the
// answer or gives up, writes down what happened, and goes on. After an unknown outcome it goes on
// under a new process number, as histories demand.
#pragma once

#include <cstdint>
#include <map>

#include "base/rng.h"
#include "sim/workload.h"
#include "sim/world.h"

namespace lockstep::sim {

class Client {
 public:
  // `world` and `record` outlive it.
  Client(World& world, Record& record, std::uint64_t number);

  // Asks until `until`; then becomes idle.
  void start(TimePoint until);
  [[nodiscard]] bool is_idle() const { return idle_; }

 private:
  void think();
  void act();
  Task draw_task();
  std::size_t draw_machine();
  void answered(const Task& task, std::int64_t called, const Exchange& exchange);

  World& world_;
  Record& record_;
  const std::uint64_t number_;
  Rng rng_;
  std::uint64_t process_;
  TimePoint until_{};
  bool idle_ = true;
  std::size_t home_;  // a node it likes, so that sessions meet one node often
  std::map<std::int64_t, std::int64_t> last_seen_;  // per key: what to expect in a cas
};

}  // namespace lockstep::sim
