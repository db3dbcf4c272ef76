// Snapshotter: keeps the database durable, its write-ahead file short and the log bounded. Durable
// points and checkpoints are jobs of the image lane, beside the applier's; behind a durable point
// the log may forget, except for what slow followers can still be fed with.
//
// A snapshot in this system is no copy: it is a durable point of the database (docs/design.md).
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "env/env.h"
#include "node/consensus.h"
#include "node/lifeline.h"
#include "node/overdue.h"
#include "node/ticker.h"
#include "sql/database.h"

namespace lockstep::node {

class Snapshotter {
 public:
  struct Options {
    std::uint64_t durable_point_entries = 0;  // a durable point after so many applied entries
    std::uint64_t checkpoint_wal_bytes = 0;   // a checkpoint when the WAL is this long
    std::uint64_t wal_bytes_max = 0;  // beyond it what holds the WAL back (long reads, pinned
                                      // images) is ended
    std::uint64_t keep_entries = 0;   // of the log behind the durable point, for slow followers
  };
  // True: a durable point was made; false: there was nothing new.
  using Done = std::move_only_function<void(Result<bool>)>;

  struct Listener {
    std::function<void()> relieve;      // end whatever keeps the WAL from starting again
    std::function<void()> job_done;     // durable(), wal_bytes() may be others
    std::function<void(Error)> failed;  // final
  };
  Snapshotter(env::Env env, Options options, Consensus& consensus, sql::Database& database,
              Listener listener);

  // Something was applied, or time passed: does what is due.
  void poke();
  // What was in a checkpoint's way is gone: like poke(), and does not wait for the time of the next
  // try. What is due is given to the image lane before this returns.
  void try_now();
  // A durable point and a checkpoint now; then the log keeps `keep` entries behind it.
  void snapshot(std::optional<std::uint64_t> keep, Done done);
  // While set, the log keeps everything above `at`: an image that stands there is on its way.
  void hold_log(std::optional<LogIndex> at);
  // No job begins any more; `done` as soon as none is under way, maybe at once.
  void halt(std::move_only_function<void()> done);

  [[nodiscard]] LogIndex durable() const { return durable_; }
  [[nodiscard]] std::uint64_t wal_bytes() const { return wal_bytes_; }
  // The WAL outgrew even what ending readers and images can cure: no more writes for now.
  [[nodiscard]] bool wal_is_full() const { return wal_bytes_ >= 2 * options_.wal_bytes_max; }

 private:
  enum class Job : std::uint8_t { durable_point, checkpoint, restart_wal };
  struct Outcome {
    Status status;
    sql::DatabaseStatus database;
  };
  [[nodiscard]] std::optional<Job> due() const;
  void start(Job job);
  void finish(Job job, Outcome outcome);
  void press();
  void answer(const Result<bool>& result);
  void compact(std::uint64_t keep);

  env::Env env_;
  const Options options_;
  Consensus& consensus_;
  sql::Database& database_;
  Listener listener_;
  LogIndex durable_;
  LogIndex applied_;
  std::uint64_t wal_bytes_ = 0;
  // A checkpoint that could not finish is tried again only after this much more WAL.
  std::uint64_t checkpoint_at_ = 0;
  std::optional<LogIndex> hold_;
  std::vector<Done> asked_;    // wait for the next job to begin
  std::vector<Done> running_;  // wait for this one to end
  std::optional<std::uint64_t> keep_asked_;
  bool busy_ = false;
  bool halted_ = false;
  Ticker retry_;  // while the next try has to wait
  Overdue overdue_;
  std::move_only_function<void()> on_halted_;
  Lifeline life_;
};

}  // namespace lockstep::node
