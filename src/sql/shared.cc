#include "sql/shared.h"

#include "sql/vfs.h"
#include "sql/wal_format.h"

namespace lockstep::sql {

DatabaseStatus Shared::status() const {
  const Held held(lock_);
  const bool needless = backfilled_ == frames_;  // the next write starts the WAL again
  return {.applied = applied_,
          .durable = durable_,
          .wal_bytes = needless ? 0 : wal_bytes(frames_, kPageBytes)};
}

void Shared::set_applied(LogIndex index) {
  const Held held(lock_);
  applied_ = index;
}

void Shared::set_durable(LogIndex index) {
  const Held held(lock_);
  durable_ = index;
}

void Shared::set_frames(std::uint64_t frames, std::uint64_t backfilled) {
  const Held held(lock_);
  frames_ = frames;
  backfilled_ = backfilled;
}

void Shared::set_backfilled(std::uint64_t backfilled) {
  const Held held(lock_);
  backfilled_ = backfilled;
}

void Shared::fail(const Error& error) {
  const Held held(lock_);
  if (!failure_) failure_ = error;
}

std::optional<Error> Shared::failure() const {
  const Held held(lock_);
  return failure_;
}

}  // namespace lockstep::sql
