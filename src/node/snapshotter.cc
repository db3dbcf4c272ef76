#include "node/snapshotter.h"

#include <algorithm>
#include <utility>

#include "base/bugs.h"

namespace lockstep::node {
namespace {

constexpr Duration kRetryPause = milliseconds(200);
// A checkpoint beside a busy writer never sees the end of the WAL. When this much has gathered, the
// writer is held for a moment.
constexpr std::uint64_t kRestartFactor = 4;

}  // namespace

Snapshotter::Snapshotter(env::Env env, Options options, Consensus& consensus,
                         sql::Database& database, Listener listener)
    : env_(env),
      options_(options),
      consensus_(consensus),
      database_(database),
      listener_(std::move(listener)),
      checkpoint_at_(options.checkpoint_wal_bytes),
      retry_(env, kRetryPause, [this] { try_now(); }),
      overdue_(env, "snapshot") {
  const auto status = database.status();
  durable_ = status.durable;
  applied_ = status.applied;
  wal_bytes_ = status.wal_bytes;
}

void Snapshotter::poke() {
  const auto status = database_.status();
  applied_ = status.applied;
  wal_bytes_ = status.wal_bytes;
  if (busy_ || halted_ || retry_.running()) return;
  if (const auto job = due()) start(*job);
}

std::optional<Snapshotter::Job> Snapshotter::due() const {
  if (wal_bytes_ >= checkpoint_at_ || !asked_.empty()) {
    const bool very_long = wal_bytes_ >= kRestartFactor * options_.checkpoint_wal_bytes ||
                           wal_bytes_ >= options_.wal_bytes_max;
    return very_long ? Job::restart_wal : Job::checkpoint;
  }
  if (applied_ - durable_ >= options_.durable_point_entries) return Job::durable_point;
  return std::nullopt;
}

void Snapshotter::start(Job job) {
  busy_ = true;
  running_ = std::exchange(asked_, {});
  env::run_on(
      env_.lanes, {env::LaneKind::image, 0},
      [this, job] {
        Status status;
        if (job == Job::durable_point) {
          status = database_.durable_point();
        } else {
          status = database_.checkpoint(job == Job::restart_wal ? sql::Checkpoint::restart_wal
                                                                : sql::Checkpoint::beside_writer);
        }
        return Outcome{std::move(status), database_.status()};
      },
      life_.guard([this, job](Outcome outcome) { finish(job, std::move(outcome)); }));
}

void Snapshotter::finish(Job job, Outcome outcome) {
  busy_ = false;
  if (!outcome.status && outcome.status.error().code != Errc::no_space)
    return listener_.failed(std::move(outcome.status).error());
  if (!outcome.status) {
    answer(std::unexpected(outcome.status.error()));
    overdue_.waits("still without room on the disk for a snapshot: " + outcome.status.error().text);
    retry_.start();
  } else {
    const bool news = outcome.database.durable > durable_;
    durable_ = outcome.database.durable;
    wal_bytes_ = outcome.database.wal_bytes;
    if (job != Job::durable_point) {
      const bool short_again = wal_bytes_ < options_.checkpoint_wal_bytes;
      checkpoint_at_ = (short_again ? 0 : wal_bytes_) + options_.checkpoint_wal_bytes;
      if (wal_bytes_ >= options_.wal_bytes_max) press();
    }
    if (wal_bytes_ < options_.wal_bytes_max) overdue_.over();
    compact(std::exchange(keep_asked_, std::nullopt).value_or(options_.keep_entries));
    answer(news);
    listener_.job_done();
  }
  if (halted_ && on_halted_) return std::exchange(on_halted_, nullptr)();
  poke();
}

void Snapshotter::answer(const Result<bool>& result) {
  for (auto& done : std::exchange(running_, {})) done(result);
}

// No write may come any more that would make the WAL long enough for the next try.
void Snapshotter::press() {
  listener_.relieve();
  overdue_.waits("the write-ahead file is " + std::to_string(wal_bytes_) +
                 " bytes long and still waits for reads and images to end");
  checkpoint_at_ = wal_bytes_;
  retry_.start();
}

void Snapshotter::try_now() {
  retry_.stop();
  poke();
}

void Snapshotter::snapshot(std::optional<std::uint64_t> keep, Done done) {
  if (halted_) return done(fail(Errc::busy, "an image is being installed"));
  if (keep) keep_asked_ = keep;
  asked_.push_back(std::move(done));
  poke();
}

void Snapshotter::hold_log(std::optional<LogIndex> at) {
  hold_ = at;
}

// Legal to forget what no follower has yet: who needs it is offered an image.
void Snapshotter::compact(std::uint64_t keep) {
  LogIndex limit = LOCKSTEP_BUG(compact_above_durable) ? applied_ : durable_;
  if (hold_) limit = std::min(limit, *hold_);
  if (limit.value <= keep) return;
  consensus_.compact({limit.value - keep});
}

void Snapshotter::halt(std::move_only_function<void()> done) {
  halted_ = true;
  for (auto& waiting : std::exchange(asked_, {}))
    waiting(fail(Errc::busy, "an image is being installed"));
  if (!busy_) return done();
  on_halted_ = std::move(done);
}

}  // namespace lockstep::node
