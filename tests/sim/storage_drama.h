// What dramas of storage share: writes to one key, and snapshots that leave no log to catch up
// from.
#pragma once

#include "tests/sim/drama.h"

namespace lockstep::sim {

class StorageDrama : public Drama {
 protected:
  void snapshot_everywhere() {
    for (std::size_t i = 0; i < world->size(); ++i) {
      world->machine(i).as_step([](node::Node& node) { node.snapshot(0, [](Result<bool>) {}); });
    }
    world->run_for(milliseconds(200));
  }
  // Writes to key 1; the last value.
  std::int64_t write_many(std::size_t machine, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) EXPECT_TRUE(write(machine, 1, ++value_));
    return value_;
  }
  [[nodiscard]] std::size_t follower() const { return *world->leader() == 0 ? 1 : 0; }

  std::int64_t value_ = 0;
};

}  // namespace lockstep::sim
