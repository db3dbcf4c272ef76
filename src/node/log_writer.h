// LogWriter: carries the core's writes to the log lane. One job at a time; everything that arrives
// meanwhile becomes the next job's one batch, so that one fdatasync serves all of it (group commit
// by backpressure). The next segment's file is written ahead, on the image lane. On a full disk the
// job that could not be done stays the next one until there is space: to everybody else it is a
// slow disk.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/env.h"
#include "node/lifeline.h"
#include "raft/core.h"
#include "storage/raft_log.h"
#include "storage/vote_file.h"

namespace lockstep::node {

class LogWriter {
 public:
  // The log and the vote file belong to the log lane; both outlive this and every job. `persisted`
  // is a turn.
  // `space`: false when the disk turns out to be full, true when it no longer is.
  struct Listener {
    std::function<void(Ticket)> persisted;
    std::function<void(bool)> space;
    std::function<void(Error)> failed;  // final
  };
  LogWriter(env::Env env, storage::RaftLog& log, storage::VoteFile& vote, Listener listener);

  // Queues a write behind all earlier ones. Bounded by what the core has in flight.
  void add(raft::Write write);
  [[nodiscard]] bool idle() const { return !busy_ && queue_.empty(); }
  // Of batches, since this was made.
  [[nodiscard]] std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  // What a job of the log lane tells.
  struct Outcome {
    Status status;
    std::optional<storage::SpareAhead> wanted;
  };
  void pump();
  void write_ahead(storage::SpareAhead spare);
  void finish(Ticket ticket, std::shared_ptr<raft::Write> write, Status status);

  env::Env env_;
  storage::RaftLog& log_;
  storage::VoteFile& vote_;
  Listener listener_;
  std::vector<raft::Write> queue_;
  std::uint64_t bytes_written_ = 0;
  bool busy_ = false;
  bool disk_full_ = false;
  std::string ahead_;                         // the last spare that was asked for
  std::optional<storage::SpareAhead> spare_;  // is written; for the next job
  Lifeline life_;
};

// The writes as one: the newest hard state, the lowest truncation that still matters, the entries
// that are left.
raft::Write merge_writes(std::vector<raft::Write> writes);

}  // namespace lockstep::node
