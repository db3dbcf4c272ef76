#include "sql/checkpointer.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"
#include "sql/wal_format.h"

namespace lockstep::sql {
namespace {

// To restart the WAL the writer is held for what came while earlier passes copied beside it. They
// are repeated until that is little, within reason: it need not become less.
constexpr std::uint64_t kFramesHeldMax = 64;
constexpr int kPassesBesideMax = 4;

// After a failed sync nobody knows what of the file is on the disk, whatever the reason was.
Status sync_for_good(env::File& file) {
  auto done = file.sync();
  if (!done && done.error().code == Errc::no_space) return fail(Errc::io, done.error().text);
  return done;
}

}  // namespace

Result<std::unique_ptr<Checkpointer>> Checkpointer::open(DatabaseFiles& files, Shared& shared,
                                                         storage::Manifest& manifest,
                                                         const DatabaseOptions& options) {
  std::unique_ptr<Checkpointer> self(
      new Checkpointer(files, shared, manifest, options.restart_patience));
  TRY_ASSIGN(self->main_, files.open(kMainName));
  TRY_ASSIGN(self->wal_, files.open(kWalName));
  TRY_ASSIGN(self->copier_, Connection::open(files, options, Role::copier));
  // SQLite opens the WAL at the first read, and checkpoints nothing before.
  TRY(self->copier_->value_of("SELECT count(*) FROM sqlite_schema"));
  return self;
}

Status Checkpointer::usable() const {
  if (auto failure = shared_.failure()) return std::unexpected(std::move(*failure));
  return {};
}

Status Checkpointer::run_durable_point() {
  TRY(usable());
  GateHold gate(shared_.gate);
  if (durable().index == shared_.applied.index) return {};
  TRY_ASSIGN(const Fixed fixed, fix());
  gate.release();
  return make_durable(fixed.state);
}

// Holder of the gate.
Result<Checkpointer::Fixed> Checkpointer::fix() {
  TRY(files_.wal_tail().flush(*wal_));
  const WalIndex wal = files_.wal_index();
  storage::DurableState state = durable();
  if (state.index != shared_.applied.index) state.image_membership.clear();
  state.index = shared_.applied.index;
  state.term = shared_.applied.term;
  state.last_insert_id = shared_.counters.last_insert_id;
  state.rows_affected = shared_.counters.rows_affected;
  // Without frames beyond the last complete checkpoint, the main file is the state already. (One
  // that copied all of them and then found no room is not complete.)
  const bool main_alone = wal.backfilled == wal.frames && durable().wal_frames == 0;
  state.wal_salt1 = main_alone ? 0 : wal.salt1;
  state.wal_salt2 = main_alone ? 0 : wal.salt2;
  state.wal_frames = main_alone ? 0 : wal.frames;
  return Fixed{.state = std::move(state), .pages = wal.pages};
}

Status Checkpointer::make_durable(const storage::DurableState& state) {
  if (state == durable()) return {};
  if (state.wal_frames > 0 && !LOCKSTEP_BUG(wal_not_synced)) TRY(sync_for_good(*wal_));
  if (!LOCKSTEP_BUG(applied_apart_from_data)) return store(state);
  // The index of now beside the data of the last durable point.
  storage::DurableState torn = durable();
  torn.index = state.index;
  torn.term = state.term;
  torn.last_insert_id = state.last_insert_id;
  torn.rows_affected = state.rows_affected;
  return store(torn);
}

Status Checkpointer::store(const storage::DurableState& state) {
  // The WAL must not start again from before the manifest can name its frames until after it no
  // longer does.
  if (state.wal_frames > 0) files_.guard().protect_wal(state.wal_frames);
  auto stored = manifest_.store(state);
  // Half a store is one that a restart must settle.
  if (!stored && stored.error().code == Errc::no_space) return fail(Errc::io, stored.error().text);
  TRY(stored);
  files_.guard().protect_wal(state.wal_frames);
  shared_.set_durable(state.index);
  return {};
}

Status Checkpointer::run_checkpoint(Checkpoint mode) {
  if (pinned_) return run_durable_point();
  TRY(usable());
  const int passes = mode == Checkpoint::restart_wal ? kPassesBesideMax : 1;
  for (int i = 0; i < passes && (i == 0 || frames_left() > kFramesHeldMax); ++i) {
    GateHold gate(shared_.gate);
    TRY_ASSIGN(const bool complete, pass(Hold::until_copying, gate));
    // A reader that needs old pages stands in the way of a restart, too.
    if (!complete) return {};
  }
  return mode == Checkpoint::restart_wal ? restart_wal() : Status();
}

Status Checkpointer::restart_wal() {
  GateHold gate(shared_.gate);
  TRY_ASSIGN(const bool complete, pass(Hold::throughout, gate));
  if (complete) wait_for_readers();
  return {};
}

// Holder of the gate; all is copied. Reads that begin now need no WAL, but those that began before
// hold it, and where reads are never few the writer would never meet a moment without one.
void Checkpointer::wait_for_readers() {
  constexpr int kFirstReader = 4;  // of the WAL-index's slots, for those that read the WAL
  constexpr int kReaders = LockTable::kSlots - kFirstReader;
  constexpr Duration kPause = microseconds(250);
  LockTable& locks = files_.locks();
  sqlite3_vfs* const system = sqlite3_vfs_find(nullptr);
  CHECK(system != nullptr);
  for (Duration waited{}; waited < restart_patience_; waited += kPause) {
    LockHolder all;
    const bool nobody_reads = locks.lock_slots(all, kFirstReader, kReaders, true);
    if (nobody_reads) return locks.unlock_slots(all, kFirstReader, kReaders);
    // In simulation no read is ever under way beside this.
    system->xSleep(system, static_cast<int>(kPause / microseconds(1)));
  }
}

std::uint64_t Checkpointer::frames_left() {
  const GateHold gate(shared_.gate);
  const WalIndex wal = files_.wal_index();
  return wal.frames - wal.backfilled;
}

// One durable point and what can be copied of its frames; true if that was all.
Result<bool> Checkpointer::pass(Hold hold, GateHold& gate) {
  TRY_ASSIGN(const Fixed fixed, fix());
  const std::uint64_t frames = fixed.state.wal_frames;
  if (frames == 0) {
    if (hold == Hold::until_copying) gate.release();
    TRY(make_durable(fixed.state));
    return true;
  }
  std::uint64_t backfilled = 0;
  TRY(copy(fixed.state, gate, hold, backfilled));
  // A reader that still needs old pages makes it partial. The manifest stays right as it is.
  if (backfilled < frames && !LOCKSTEP_BUG(partial_checkpoint_done)) return false;
  TRY(complete(fixed));
  return true;
}

// Has SQLite copy the frames that the gate fixes. Nothing is written before `state` is durable.
Status Checkpointer::copy(const storage::DurableState& state, GateHold& gate, Hold hold,
                          std::uint64_t& backfilled) {
  Status prepared;
  bool begun = false;
  files_.guard().set_copying(state.wal_frames);
  files_.on_copy_start = [&] {
    begun = true;
    if (hold == Hold::until_copying) gate.release();
    prepared = make_durable(state);
    if (prepared)
      files_.guard().open_main(true);
    else
      sqlite3_interrupt(copier_->handle());  // before the first page
  };
  int logged = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(copier_->handle(), "main", SQLITE_CHECKPOINT_PASSIVE,
                                             &logged, &copied);
  files_.guard().open_main(false);
  files_.guard().set_copying(0);
  files_.on_copy_start = nullptr;
  TRY(prepared);
  if (code != SQLITE_OK) {
    Error failure = copier_->failure();
    // Half a page at the end of the file is in the frames, and whole when it is copied again.
    if (failure.code == Errc::no_space) {
      TRY_ASSIGN(const std::uint64_t whole, whole_pages());
      TRY(main_->truncate(whole));
    }
    return std::unexpected(std::move(failure));
  }
  backfilled = static_cast<std::uint64_t>(std::max(copied, 0));
  shared_.set_backfilled(backfilled);
  if (begun) return {};
  // Nothing was copied: a reader is in the way, or all of it was before.
  if (hold == Hold::until_copying) gate.release();
  return make_durable(state);
}

// The main file has all frames of the state: makes it the state by itself.
Status Checkpointer::complete(const Fixed& fixed) {
  const std::uint64_t wanted = std::uint64_t{fixed.pages} * kPageBytes;
  TRY_ASSIGN(const std::uint64_t found, main_->size());
  // Longer after a VACUUM that the writer has gone past; shorter if the last page was never used.
  if (found != wanted) TRY(main_->truncate(wanted));
  if (!LOCKSTEP_BUG(main_not_synced)) TRY(sync_for_good(*main_));
  storage::DurableState state = durable();
  TRY_ASSIGN(state.sums_file, files_.page_sums().store(state.sums_file, fixed.pages));
  state.wal_salt1 = state.wal_salt2 = 0;
  state.wal_frames = 0;
  TRY(store(state));
  if (LOCKSTEP_BUG(sums_after_manifest)) TRY(files_.page_sums().sync_late(state.sums_file));
  return {};
}

// How many bytes of the main file its whole pages are.
Result<std::uint64_t> Checkpointer::whole_pages() {
  TRY_ASSIGN(const std::uint64_t found, main_->size());
  return LOCKSTEP_BUG(image_label_of_file) ? found : found / kPageBytes * kPageBytes;
}

Result<ImageLabel> Checkpointer::fix_image() {
  CHECK(!pinned_);
  TRY(run_durable_point());
  ImageLabel label;
  label.state = durable();
  label.state.image_membership.clear();
  label.state.installing = false;
  label.state.sums_file = 0;
  TRY_ASSIGN(label.main_bytes, whole_pages());
  label.wal_bytes = wal_bytes(label.state.wal_frames, kPageBytes);
  TRY(check_label(label));
  pinned_ = label;
  return label;
}

Result<std::string> Checkpointer::read_part(ImagePart part, std::uint64_t offset,
                                            std::uint64_t bytes) {
  CHECK(pinned_);
  TRY(usable());
  const bool is_main = part == ImagePart::main;
  const std::uint64_t end = is_main ? pinned_->main_bytes : pinned_->wal_bytes;
  std::string found(std::min(bytes, end - std::min(end, offset)), '\0');
  TRY(env::read_exactly(is_main ? *main_ : *wal_, offset, found));
  return found;
}

}  // namespace lockstep::sql
