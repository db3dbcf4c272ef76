// LogWriter: carries the core's writes to the log lane. One job at a time; everything that arrives
// meanwhile becomes the next job's one batch, so that one fdatasync serves all of it (group commit
// by backpressure).
#pragma once

#include <functional>
#include <vector>

#include "env/lanes.h"
#include "node/lifeline.h"
#include "raft/core.h"
#include "storage/raft_log.h"
#include "storage/vote_file.h"

namespace lockstep::node {

class LogWriter {
 public:
  // The log and the vote file belong to the log lane; both outlive this and every job. `persisted`
  // is a turn.
  LogWriter(env::Lanes& lanes, storage::RaftLog& log, storage::VoteFile& vote,
            std::function<void(Ticket)> persisted, std::function<void(Error)> failed);

  // Queues a write behind all earlier ones. Bounded by what the core has in flight.
  void add(raft::Write write);
  [[nodiscard]] bool idle() const { return !busy_ && queue_.empty(); }

 private:
  void pump();

  env::Lanes& lanes_;
  storage::RaftLog& log_;
  storage::VoteFile& vote_;
  std::function<void(Ticket)> persisted_;
  std::function<void(Error)> failed_;
  std::vector<raft::Write> queue_;
  bool busy_ = false;
  Lifeline life_;
};

// The writes as one: the newest hard state, the lowest truncation that still matters, the entries
// that are left.
raft::Write merge_writes(std::vector<raft::Write> writes);

}  // namespace lockstep::node
