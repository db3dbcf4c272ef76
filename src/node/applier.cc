#include "node/applier.h"

#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"

namespace lockstep::node {
namespace {

constexpr Duration kSweepInterval = milliseconds(50);
constexpr Duration kFullDiskPause = milliseconds(100);

}  // namespace

Applier::Applier(env::Env env, Options options, Consensus& consensus, sql::Database& database,
                 Listener listener)
    : env_(env),
      options_(options),
      consensus_(consensus),
      database_(database),
      listener_(std::move(listener)),
      applied_(database.status().applied),
      sweeper_(env, kSweepInterval, [this] { sweep(); }) {}

void Applier::poke() {
  if (busy_ || halted_) return;
  const auto& core = consensus_.core();
  const LogIndex limit = LOCKSTEP_BUG(dirty_read) ? core.durable_index() : core.apply_limit();
  if (limit <= applied_) return;
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
  env::run_on(
      env_.lanes, {env::LaneKind::apply, 0},
      [this, entries = std::move(entries)] { return database_.apply(entries); },
      life_.guard([this, terms = std::move(terms)](Outcome outcome) {
        finish(std::move(outcome), terms);
      }));
}

void Applier::finish(Outcome outcome, const std::vector<Term>& terms) {
  busy_ = false;
  if (!outcome && outcome.error().code != Errc::no_space)
    return listener_.failed(std::move(outcome).error());
  if (halted_) {
    if (on_halted_) std::exchange(on_halted_, nullptr)();
    return;
  }
  if (!outcome) return wait_for_space();
  if (std::exchange(disk_full_, false)) listener_.space(true);
  CHECK(outcome->size() == terms.size());
  applied_ = outcome->back().index;
  consensus_.applied(applied_);
  // The next batch is on its way before this one is answered.
  poke();
  for (std::size_t i = 0; i < terms.size(); ++i) {
    auto& entry = (*outcome)[i];
    listener_.applied({entry.index, terms[i]}, std::move(entry.result));
  }
  release_waiters();
  listener_.job_done();
}

// Nothing of the batch has happened: the same entries are applied once there is space.
void Applier::wait_for_space() {
  busy_ = true;
  if (!std::exchange(disk_full_, true)) listener_.space(false);
  env_.turns.at(env_.clock.now() + kFullDiskPause, life_.guard([this] {
    busy_ = false;
    poke();
    if (halted_ && on_halted_) std::exchange(on_halted_, nullptr)();
  }));
}

void Applier::halt(std::move_only_function<void()> done) {
  halted_ = true;
  if (!busy_) return done();
  on_halted_ = std::move(done);
}

void Applier::when_applied(LogIndex index, TimePoint deadline,
                           std::move_only_function<void(bool)> task) {
  if (index <= applied_) return task(true);
  waiters_.emplace(index, Waiter{deadline, std::move(task)});
  sweeper_.start();
}

void Applier::release_waiters() {
  std::vector<Waiter> ready;
  while (!waiters_.empty() && waiters_.begin()->first <= applied_) {
    ready.push_back(std::move(waiters_.begin()->second));
    waiters_.erase(waiters_.begin());
  }
  for (auto& waiter : ready) waiter.task(true);
}

void Applier::sweep() {
  std::vector<Waiter> late;
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    if (it->second.deadline > env_.clock.now()) {
      ++it;
      continue;
    }
    late.push_back(std::move(it->second));
    it = waiters_.erase(it);
  }
  if (waiters_.empty()) sweeper_.stop();
  for (auto& waiter : late) waiter.task(false);
}

}  // namespace lockstep::node
