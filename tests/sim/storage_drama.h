// What dramas of storage share: writes to one key, and snapshots that leave no log to catch up
// from.
#pragma once

#include <string>
#include <vector>

#include "storage/log_format.h"
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
  // Flips a bit in the header of a batch with a membership entry and others behind it. False: there
  // is none.
  bool damage_a_membership_change(std::size_t number) {
    SimDisk& disk = world->machine(number).disk();
    const auto names = disk.list();
    for (const std::string& name : names.value_or(std::vector<std::string>())) {
      if (!name.starts_with("log-")) continue;
      const std::string bytes = disk.contents(name).value_or("");
      const auto segment = storage::decode_segment_header(bytes);
      if (!segment) continue;
      std::uint64_t changed_at = 0;
      std::uint64_t at = storage::segment_header_bytes(*segment);
      while (at < bytes.size()) {
        const auto here = std::string_view(bytes).substr(at);
        const auto batch = storage::decode_batch_header(here);
        if (!batch || batch->salt != segment->salt) break;
        if (changed_at > 0) {
          disk.flip_bit(name, changed_at + 10, 0);
          return true;
        }
        const auto entries = storage::decode_body(*batch, here);
        for (const auto& entry : *entries)
          if (entry.kind == raft::EntryKind::config) changed_at = at;
        at += storage::batch_bytes(*batch);
      }
    }
    return false;
  }
  [[nodiscard]] std::size_t follower() const { return *world->leader() == 0 ? 1 : 0; }

  std::int64_t value_ = 0;
};

}  // namespace lockstep::sim
