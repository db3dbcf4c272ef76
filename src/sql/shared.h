// What the apply lane and the image lane of one database know together: where the applied state
// stands, under the writer's gate; and what everybody may ask, under a lock of its own, so that
// nobody waits for a batch to end.
#pragma once

#include <cstdint>
#include <optional>

#include "raft/messages.h"
#include "sql/counters.h"
#include "sql/database.h"
#include "sql/lane_locks.h"

namespace lockstep::sql {

class Shared {
 public:
  WriterGate gate;
  // Holder of the gate: what the committed frames of the WAL say.
  raft::Position applied;
  CounterState counters;

  // The rest: any lane, any turn.
  [[nodiscard]] DatabaseStatus status() const;
  void set_applied(LogIndex index);
  void set_durable(LogIndex index);
  // Committed frames, and how many of them the main file has.
  void set_frames(std::uint64_t frames, std::uint64_t backfilled);
  void set_backfilled(std::uint64_t backfilled);

  // The first failure is the last word: what a disk says afterwards cannot be believed.
  void fail(const Error& error);
  [[nodiscard]] std::optional<Error> failure() const;

 private:
  mutable Lock lock_;
  LogIndex applied_;
  LogIndex durable_;
  std::uint64_t frames_ = 0;
  std::uint64_t backfilled_ = 0;
  std::optional<Error> failure_;
};

}  // namespace lockstep::sql
