// Term and vote, in two alternating checksummed slots of one file ("vote"), each in a 4 KiB block
// of its own: a crash can spoil only the slot being written, and the other still holds the state
// before, which nobody was told about. A finished store stands in both, so that damage to one of
// them cannot bring back an older vote. Also holds who this node is: its id, so that a data folder
// of another node is refused, and the cluster that let it in. Format: docs/formats.md. Log lane
// only.
#pragma once

#include <memory>

#include "base/result.h"
#include "env/disk.h"
#include "raft/core.h"

namespace lockstep::storage {

class VoteFile {
 public:
  // Creates the file for `self` or reads it. Errc::refused: it belongs to another node id.
  // Errc::corrupt: both slots are bad.
  static Result<std::unique_ptr<VoteFile>> open(env::Disk& disk, const NodeId& self);
  ~VoteFile();
  [[nodiscard]] const raft::HardState& state() const;
  // See raft::Recovered::fence.
  [[nodiscard]] raft::Position fence() const;
  // Which cluster this folder belongs to, as far as it was told apart from the log: nil if the log
  // alone says so. `recovered_from`: the one that it went on from after its quorum was lost.
  struct Cluster {
    ClusterId id;
    ClusterId recovered_from = {};
    // Another cluster has its place for this node, which founded this one by mistake and serves
    // nothing.
    ClusterId claimed_by = {};
    friend bool operator==(const Cluster&, const Cluster&) = default;
  };
  [[nodiscard]] const Cluster& cluster() const;
  // Success: durable. Failure is final: the caller ends the process.
  Status store(const raft::HardState& state);
  // This node was let into `cluster`, and must hold `fence` before it may vote.
  Status store_admission(raft::Position fence, ClusterId cluster);
  Status store_cluster(const Cluster& cluster);

 private:
  struct State;
  explicit VoteFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::storage
