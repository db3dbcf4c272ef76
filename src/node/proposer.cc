#include "node/proposer.h"

#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"

namespace lockstep::node {
namespace {

constexpr Duration kSweepInterval = milliseconds(50);
// A batch waits for more at most this many turns.
constexpr unsigned kGatherTurnsMax = 16;

Error refusal_error(raft::Refusal reason) {
  switch (reason) {
    case raft::Refusal::not_leader:
    case raft::Refusal::leadership_lost:
      return {Errc::not_leader, "not leader"};
    case raft::Refusal::transferring:
      return {Errc::refused, "leadership is being transferred"};
    case raft::Refusal::change_in_progress:
      return {Errc::refused, "another membership change is in progress"};
    case raft::Refusal::invalid_change:
    case raft::Refusal::too_long:
      return {Errc::refused, "invalid membership change"};
  }
  return {Errc::refused, "refused"};
}

// What a client would be told if its write had succeeded, without having run it
// (LOCKSTEP_BUG(ack_before_commit)).
Answer made_up_answer(const raft::Proposal& proposal, LogIndex index) {
  Answer answer;
  answer.raft_index = index;
  if (const auto command = wire::decode_command(proposal.payload.view())) {
    for (std::size_t i = 0; i < command->statements.size(); ++i)
      answer.result.statements.push_back({.outcome = sql::Counters{1, 1}, .time = {}});
  }
  return answer;
}

}  // namespace

Proposer::Proposer(env::Env env, Options options, Rng rng, Consensus& consensus)
    : env_(env),
      options_(options),
      rng_(rng),
      consensus_(consensus),
      sweeper_(env, kSweepInterval, [this] { sweep(); }) {}

void Proposer::write(std::string command, AnswerFn done) {
  if (closed_) return done(std::unexpected(*closed_));
  if (consensus_.core().role() != raft::Role::leader)
    return done(fail(Errc::not_leader, "not leader"));
  if (bytes_ + command.size() > options_.pending_bytes_max)
    return done(fail(Errc::busy, "too many writes are waiting; try again later"));
  // Stamps never go back while this node leads, whatever the wall clock does.
  last_stamp_ = std::max(last_stamp_, env_.clock.wall());
  wire::stamp_command(command, last_stamp_, rng_.next());
  bytes_ += command.size();
  queue_.push_back({{++last_id_, Blob(std::move(command))}, std::move(done)});
  CHECK(last_id_ < kIdLimit);
  if (consensus_.disk_idle()) schedule_flush();
}

Duration Proposer::stamps_ahead() const {
  const std::int64_t ms = last_stamp_.unix_ms - env_.clock.wall().unix_ms;
  constexpr std::int64_t kEnoughMs = 365LL * 86'400'000;  // more does not matter, and might not fit
  return milliseconds(std::clamp<std::int64_t>(ms, 0, kEnoughMs));
}

void Proposer::follow(raft::Position at, AnswerFn done) {
  pending_.emplace(at.index, Pending{.term = at.term,
                                     .deadline = env_.clock.now() + options_.apply_timeout,
                                     .bytes = 0,
                                     .done = std::move(done)});
  sweeper_.start();
}

// Turns of its own, for as long as writes come between them: every request that is already waiting
// in the world joins this batch. A lone one waits for one turn.
void Proposer::schedule_flush() {
  if (flush_scheduled_) return;
  flush_scheduled_ = true;
  gather(kGatherTurnsMax);
}

void Proposer::gather(unsigned turns_left) {
  env_.turns.post(life_.guard([this, seen = queue_.size(), turns_left] {
    if (queue_.size() > seen && turns_left > 0 && consensus_.disk_idle())
      return gather(turns_left - 1);
    flush_scheduled_ = false;
    if (consensus_.disk_idle()) flush();
  }));
}

void Proposer::flush() {
  if (queue_.empty()) return;
  std::vector<raft::Proposal> batch;
  std::uint64_t bytes = 0;
  while (!queue_.empty() && batch.size() < options_.batch_entries_max) {
    auto& next = queue_.front();
    bytes += next.proposal.payload.size();
    if (!batch.empty() && bytes > options_.batch_bytes_max) break;
    batch.push_back(next.proposal);
    proposed_.emplace(next.proposal.id, std::move(next));
    queue_.pop_front();
  }
  consensus_.propose(std::move(batch));
  CHECK(proposed_.empty());
}

void Proposer::accepted(const raft::Accepted& accepted) {
  auto node = proposed_.extract(accepted.id);
  CHECK(!node.empty());
  auto& queued = node.mapped();
  if (LOCKSTEP_BUG(ack_before_commit)) {
    bytes_ -= queued.proposal.payload.size();
    return queued.done(made_up_answer(queued.proposal, accepted.at.index));
  }
  pending_.emplace(accepted.at.index, Pending{.term = accepted.at.term,
                                              .deadline = env_.clock.now() + options_.apply_timeout,
                                              .bytes = queued.proposal.payload.size(),
                                              .done = std::move(queued.done)});
  sweeper_.start();
}

void Proposer::refused(const raft::Refused& refused) {
  auto node = proposed_.extract(refused.id);
  CHECK(!node.empty());
  bytes_ -= node.mapped().proposal.payload.size();
  node.mapped().done(std::unexpected(refusal_error(refused.reason)));
}

void Proposer::leadership_lost() {
  last_stamp_ = {};
  const TimePoint deadline = env_.clock.now() + options_.settle_timeout;
  for (auto& [index, pending] : pending_) pending.deadline = std::min(pending.deadline, deadline);
  for (auto& queued : std::exchange(queue_, {})) {
    bytes_ -= queued.proposal.payload.size();
    queued.done(fail(Errc::not_leader, "not leader"));
  }
}

void Proposer::applied(raft::Position at, sql::CommandResult result) {
  const auto [begin, end] = pending_.equal_range(at.index);
  if (begin == end) return;
  std::vector<Pending> settled;
  for (auto it = begin; it != end; ++it) settled.push_back(std::move(it->second));
  pending_.erase(begin, end);
  for (auto& pending : settled) {
    if (pending.term == at.term) {
      answer(std::move(pending), Answer{std::move(result), at.index});
    } else {
      // Another entry is committed at its index, so this one never will be.
      answer(std::move(pending),
             fail(Errc::refused,
                  "leadership lost before the write was committed; it was not applied"));
    }
  }
}

void Proposer::answer(Pending pending, Result<Answer> answer) {
  bytes_ -= pending.bytes;
  pending.done(std::move(answer));
}

void Proposer::sweep() {
  const TimePoint now = env_.clock.now();
  const bool leads = consensus_.core().role() == raft::Role::leader;
  std::vector<Pending> late;
  for (auto it = pending_.begin(); it != pending_.end();) {
    if (it->second.deadline > now) {
      ++it;
      continue;
    }
    late.push_back(std::move(it->second));
    it = pending_.erase(it);
  }
  if (pending_.empty()) sweeper_.stop();
  for (auto& pending : late) {
    answer(std::move(pending),
           leads ? fail(Errc::timeout, "timed out waiting for the write to be committed")
                 : fail(Errc::unknown, "leadership lost while committing log"));
  }
}

}  // namespace lockstep::node
