// Proposer: turns client writes into proposals, many at a time, and answers each once its fate is
// certain: applied, or certainly not; else, when time is up, "may or may not".
//
// A write is queued, proposed when the log lane is idle (so that all that arrived meanwhile shares
// one batch), then pending at a position of the log. If the entry applied at that index has the
// same term it is this write; if not, this write can never be committed any more.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/rng.h"
#include "env/env.h"
#include "node/consensus.h"
#include "node/lifeline.h"
#include "node/node.h"
#include "node/ticker.h"

namespace lockstep::node {

class Proposer {
 public:
  struct Options {
    std::uint64_t pending_bytes_max = 0;
    std::uint64_t batch_bytes_max = 0;
    std::uint64_t batch_entries_max = 0;
    Duration apply_timeout{};
    // After losing leadership, how long an undecided write may wait for the next leader to settle
    // it.
    Duration settle_timeout{};
  };

  Proposer(env::Env env, Options options, Rng rng, Consensus& consensus);

  // `command` is a writer's command; it is stamped here. See Node::write.
  void write(std::string command, AnswerFn done);
  // Why no write is taken for now (Errc::no_space or busy); nullopt: they are taken again. Those
  // under way go on.
  void close(std::optional<Error> reason) { closed_ = std::move(reason); }
  // Something other than a command was appended (a membership change): answered like a write.
  void follow(raft::Position at, AnswerFn done);

  void accepted(const raft::Accepted& accepted);
  void refused(const raft::Refused& refused);
  void disk_idle() { flush(); }
  void leadership_lost();
  // The entry at `at` was applied with this result.
  void applied(raft::Position at, sql::CommandResult result);

  // How far the newest stamp is ahead of the wall clock, which has been set back; zero if it is
  // not.
  [[nodiscard]] Duration stamps_ahead() const;
  [[nodiscard]] std::uint64_t waiting() const { return queue_.size() + pending_.size(); }
  // Ids given by this proposer are below it; the node uses others for its own requests.
  static constexpr raft::RequestId kIdLimit = raft::RequestId{1} << 62;

 private:
  struct Queued {
    raft::Proposal proposal;
    AnswerFn done;
  };
  struct Pending {
    Term term;
    TimePoint deadline;
    std::uint64_t bytes = 0;
    AnswerFn done;
  };

  void flush();
  void schedule_flush();
  void gather(unsigned turns_left);
  void sweep();
  void answer(Pending pending, Result<Answer> answer);

  env::Env env_;
  const Options options_;
  Rng rng_;
  Consensus& consensus_;
  std::optional<Error> closed_;
  std::deque<Queued> queue_;
  std::map<raft::RequestId, Queued> proposed_;  // between propose() and its accepted() or refused()
  std::multimap<LogIndex, Pending> pending_;
  std::uint64_t bytes_ = 0;
  raft::RequestId last_id_ = 0;
  WallTime last_stamp_;
  bool flush_scheduled_ = false;
  Ticker sweeper_;  // while something is pending
  Lifeline life_;
};

}  // namespace lockstep::node
