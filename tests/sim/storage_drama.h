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
  struct Batch {
    std::string file;
    std::uint64_t offset = 0;
    bool changes_membership = false;
  };
  // Of a log, in the order in which they were written.
  std::vector<Batch> batches(std::size_t number) {
    std::vector<Batch> found;
    SimDisk& disk = world->machine(number).disk();
    const auto names = disk.list().value_or(std::vector<std::string>());
    for (const std::string& name : names) {
      const std::string bytes = disk.contents(name).value_or("");
      const auto segment = storage::decode_segment_header(bytes);
      if (!name.starts_with("log-") || !segment) continue;
      std::uint64_t at = storage::segment_header_bytes(*segment);
      while (at < bytes.size()) {
        const auto here = std::string_view(bytes).substr(at);
        const auto batch = storage::decode_batch_header(here);
        if (!batch || batch->salt != segment->salt) break;
        found.push_back({name, at});
        const auto entries = storage::decode_body(*batch, here);
        for (const auto& entry : *entries)
          if (entry.kind == raft::EntryKind::config) found.back().changes_membership = true;
        at += storage::batch_bytes(*batch);
      }
    }
    return found;
  }
  void flip_bit(std::size_t number, const Batch& batch, std::uint64_t at) {
    world->machine(number).disk().flip_bit(batch.file, batch.offset + at, 0);
  }
  [[nodiscard]] std::size_t follower() const { return *world->leader() == 0 ? 1 : 0; }

  std::int64_t value_ = 0;
};

}  // namespace lockstep::sim
