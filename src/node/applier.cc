#include "node/applier.h"

#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"

namespace lockstep::node {
namespace {

constexpr Duration kSweepInterval = milliseconds(50);

}  // namespace

Applier::Applier(env::Env env, Options options, Consensus& consensus, sql::Database& database,
                 AppliedFn applied, std::function<void(Error)> failed)
    : env_(env),
      options_(options),
      consensus_(consensus),
      database_(database),
      on_applied_(std::move(applied)),
      failed_(std::move(failed)),
      applied_(database.applied()),
      durable_(database.durable().index),
      wal_bytes_(database.wal_bytes()),
      checkpoint_at_(options.checkpoint_wal_bytes) {}

void Applier::poke() {
  if (busy_) return;
  const auto& core = consensus_.core();
  const LogIndex limit = LOCKSTEP_BUG(dirty_read) ? core.durable_index() : core.apply_limit();
  if (limit <= applied_) return keep_house();
  busy_ = true;
  auto entries = consensus_.cache().take(applied_.next(), limit.next(), options_.batch_entries_max,
                                         options_.batch_bytes_max);
  if (entries.empty()) {
    load(applied_.next(), limit.next());
  } else {
    apply(std::move(entries));
  }
}

// After a restart the entries to replay are on disk only.
void Applier::load(LogIndex first, LogIndex end) {
  end = std::min(end, first + options_.batch_entries_max);
  consensus_.fetch(first, end, options_.batch_bytes_max, [this](std::vector<raft::Entry> entries) {
    // Committed entries are never truncated, so what was asked for is there.
    CHECK(!entries.empty());
    apply(std::move(entries));
  });
}

void Applier::apply(std::vector<raft::Entry> entries) {
  CHECK(entries.front().index == applied_.next());
  std::vector<Term> terms;
  terms.reserve(entries.size());
  for (const auto& entry : entries) terms.push_back(entry.term);
  run([this, entries = std::move(entries)] { return database_.apply(entries); }, std::move(terms));
}

// Durable points and checkpoints, when nothing waits to be applied: they never delay an answer that
// could be given.
void Applier::keep_house() {
  const bool checkpoint = wal_bytes_ >= checkpoint_at_;
  const bool point = applied_ - durable_ >= options_.durable_point_entries;
  if (!checkpoint && !point) return;
  busy_ = true;
  run(
      [this, checkpoint]() -> Result<std::vector<sql::Applied>> {
        TRY(checkpoint ? database_.checkpoint() : database_.durable_point());
        return std::vector<sql::Applied>{};
      },
      {});
  if (checkpoint) checkpoint_at_ = 0;  // finish() sets it anew
}

void Applier::run(std::function<Result<std::vector<sql::Applied>>()> work,
                  std::vector<Term> terms) {
  env::run_on(
      env_.lanes, {env::LaneKind::apply, 0},
      [this, work = std::move(work)] {
        auto applied = work();
        return Outcome{std::move(applied), database_.wal_bytes(), database_.durable().index};
      },
      life_.guard([this, terms = std::move(terms)](Outcome outcome) {
        finish(std::move(outcome), terms);
      }));
}

void Applier::finish(Outcome outcome, const std::vector<Term>& terms) {
  busy_ = false;
  if (!outcome.applied) return failed_(std::move(outcome.applied).error());
  durable_ = outcome.durable;
  wal_bytes_ = outcome.wal_bytes;
  if (checkpoint_at_ == 0) checkpoint_at_ = wal_bytes_ + options_.checkpoint_wal_bytes;
  if (wal_bytes_ < options_.checkpoint_wal_bytes) checkpoint_at_ = options_.checkpoint_wal_bytes;
  CHECK(outcome.applied->size() == terms.size());
  if (!terms.empty()) {
    applied_ = outcome.applied->back().index;
    consensus_.applied(applied_);
  }
  // The next batch is on its way before this one is answered.
  poke();
  for (std::size_t i = 0; i < terms.size(); ++i) {
    auto& entry = (*outcome.applied)[i];
    on_applied_({entry.index, terms[i]}, std::move(entry.result));
  }
  release_waiters();
}

void Applier::when_applied(LogIndex index, TimePoint deadline,
                           std::move_only_function<void(bool)> task) {
  if (index <= applied_) return task(true);
  waiters_.emplace(index, Waiter{deadline, std::move(task)});
  schedule_sweep();
}

void Applier::release_waiters() {
  std::vector<Waiter> ready;
  while (!waiters_.empty() && waiters_.begin()->first <= applied_) {
    ready.push_back(std::move(waiters_.begin()->second));
    waiters_.erase(waiters_.begin());
  }
  for (auto& waiter : ready) waiter.task(true);
}

void Applier::schedule_sweep() {
  if (sweep_scheduled_ || waiters_.empty()) return;
  sweep_scheduled_ = true;
  env_.turns.at(env_.clock.now() + kSweepInterval, life_.guard([this] {
    sweep_scheduled_ = false;
    std::vector<Waiter> late;
    for (auto it = waiters_.begin(); it != waiters_.end();) {
      if (it->second.deadline > env_.clock.now()) {
        ++it;
        continue;
      }
      late.push_back(std::move(it->second));
      it = waiters_.erase(it);
    }
    schedule_sweep();
    for (auto& waiter : late) waiter.task(false);
  }));
}

}  // namespace lockstep::node
