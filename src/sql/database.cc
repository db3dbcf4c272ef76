// Database over its parts: the applier changes it, the manifest says how much of it is durable, and
// durable points and checkpoints move the one after the other (docs/design.md, "Durable points").
#include "sql/database.h"

#include <sqlite3.h>

#include <utility>

#include "base/bugs.h"
#include "base/check.h"
#include "sql/applier.h"
#include "sql/connection.h"
#include "sql/content_hash.h"
#include "sql/counters.h"
#include "sql/reader.h"
#include "sql/recovery.h"
#include "sql/wal_format.h"

namespace lockstep::sql {
namespace {

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(env::Disk& disk, const DatabaseOptions& options)
      : options_(options), files_(disk) {}
  Status start();

  LogIndex applied() const override { return applied_.index; }
  storage::DurableState durable() const override { return *manifest_->current(); }
  Result<std::vector<Applied>> apply(std::span<const raft::Entry> entries) override;
  Status durable_point() override { return latched(write_durable_point()); }
  Status checkpoint() override { return latched(run_checkpoint()); }
  std::uint64_t wal_bytes() const override { return wal_bytes_; }
  Result<std::uint64_t> content_hash() override { return hash_content(*writer_); }
  Result<std::unique_ptr<Reader>> new_reader() override;

 private:
  Status write_durable_point();
  Status run_checkpoint();
  Status complete_checkpoint(std::uint32_t pages);
  Status store(storage::DurableState state);
  Status check_opened();
  void measure_wal();
  Status latched(Status status);

  const DatabaseOptions options_;
  DatabaseFiles files_;
  std::unique_ptr<storage::Manifest> manifest_;
  std::unique_ptr<env::File> main_;
  std::unique_ptr<env::File> wal_;
  std::unique_ptr<Connection> writer_;
  std::unique_ptr<Applier> applier_;
  raft::Position applied_;
  std::uint64_t wal_bytes_ = 0;
  // The first failure is the last word: what a disk says afterwards cannot be believed.
  std::optional<Error> failure_;
};

Status SqliteDatabase::start() {
  initialise_sqlite();
  seed_sqlite_generator(options_.seed);
  TRY_ASSIGN(manifest_, storage::Manifest::open(files_.disk()));
  TRY(recover_files(files_, options_, *manifest_));
  TRY_ASSIGN(main_, files_.disk().open(kMainName, env::OpenMode::existing));
  TRY_ASSIGN(wal_, files_.disk().open(kWalName, env::OpenMode::existing));
  TRY_ASSIGN(writer_, Connection::open(files_, options_, Role::writer));
  TRY(check_opened());
  const storage::DurableState& state = *manifest_->current();
  applied_ = {.index = state.index, .term = state.term};
  TRY(set_counters(writer_->handle(),
                   {.last_insert_id = state.last_insert_id, .rows_affected = state.rows_affected}));
  applier_ = std::make_unique<Applier>(*writer_, options_.seed);
  measure_wal();
  return {};
}

Status SqliteDatabase::check_opened() {
  TRY_ASSIGN(const std::string mode, writer_->value_of("PRAGMA journal_mode"));
  TRY_ASSIGN(const std::string page_bytes, writer_->value_of("PRAGMA page_size"));
  if (mode != "wal" || page_bytes != std::to_string(kPageBytes))
    return fail(Errc::corrupt, "db.sqlite is not the database we created");
  // Loads the schema: what a statement costs must not depend on its being the first.
  TRY(writer_->value_of("SELECT count(*) FROM sqlite_schema"));
  const WalIndex wal = files_.wal_index();
  if (wal.frames != manifest_->current()->wal_frames)
    return fail(Errc::corrupt, "SQLite finds " + std::to_string(wal.frames) + " frames in the WAL");
  return {};
}

Status SqliteDatabase::latched(Status status) {
  if (!status && !failure_) failure_ = status.error();
  return status;
}

Result<std::vector<Applied>> SqliteDatabase::apply(std::span<const raft::Entry> entries) {
  if (failure_) return std::unexpected(*failure_);
  if (entries.empty()) return std::vector<Applied>();
  for (std::size_t i = 0; i < entries.size(); ++i)
    CHECK(entries[i].index == applied_.index + (i + 1));
  auto results = applier_->apply(entries);
  if (!results) {
    failure_ = results.error();
    return results;
  }
  applied_ = {.index = entries.back().index, .term = entries.back().term};
  measure_wal();
  return results;
}

void SqliteDatabase::measure_wal() {
  const WalIndex wal = files_.wal_index();
  const bool needless = wal.backfilled == wal.frames;  // the next write starts it again
  wal_bytes_ = needless ? 0 : sql::wal_bytes(wal.frames, kPageBytes);
}

Status SqliteDatabase::store(storage::DurableState state) {
  // The guard must hold from before the manifest can name the frames until after it no longer does.
  if (state.wal_frames > 0) files_.durable_wal_frames = state.wal_frames;
  TRY(manifest_->store(state));
  files_.durable_wal_frames = state.wal_frames;
  return {};
}

Status SqliteDatabase::write_durable_point() {
  if (failure_) return std::unexpected(*failure_);
  if (durable().index == applied_.index) return {};
  const WalIndex wal = files_.wal_index();
  const CounterState counters = counters_of(writer_->handle());
  storage::DurableState state;
  state.index = applied_.index;
  state.term = applied_.term;
  state.page_bytes = kPageBytes;
  state.last_insert_id = counters.last_insert_id;
  state.rows_affected = counters.rows_affected;
  // Without frames beyond the last complete checkpoint, the main file is the state already.
  if (wal.backfilled < wal.frames) {
    state.wal_salt1 = wal.salt1;
    state.wal_salt2 = wal.salt2;
    state.wal_frames = wal.frames;
    if (!LOCKSTEP_BUG(wal_not_synced)) TRY(wal_->sync());
  }
  if (LOCKSTEP_BUG(applied_apart_from_data)) {
    // The index of now beside the data of the last durable point.
    state.wal_salt1 = durable().wal_salt1;
    state.wal_salt2 = durable().wal_salt2;
    state.wal_frames = durable().wal_frames;
  }
  return store(state);
}

Status SqliteDatabase::run_checkpoint() {
  TRY(write_durable_point());
  const std::uint64_t frames = durable().wal_frames;
  if (frames == 0) return {};
  const std::uint32_t pages = files_.wal_index().pages;
  int logged = 0;
  int backfilled = 0;
  files_.main_writable = true;
  const int code = sqlite3_wal_checkpoint_v2(writer_->handle(), "main", SQLITE_CHECKPOINT_PASSIVE,
                                             &logged, &backfilled);
  files_.main_writable = false;
  if (code != SQLITE_OK) return std::unexpected(writer_->failure());
  // Partial: some reader still needs older frames. The manifest stays right as it is.
  const bool complete = backfilled >= 0 && static_cast<std::uint64_t>(backfilled) >= frames;
  if (complete) TRY(complete_checkpoint(pages));
  measure_wal();
  return {};
}

Status SqliteDatabase::complete_checkpoint(std::uint32_t pages) {
  const std::uint64_t wanted = std::uint64_t{pages} * kPageBytes;
  TRY_ASSIGN(const std::uint64_t found, main_->size());
  if (found > wanted) TRY(main_->truncate(wanted));
  TRY(main_->sync());
  storage::DurableState state = durable();
  state.wal_salt1 = state.wal_salt2 = 0;
  state.wal_frames = 0;
  return store(state);
}

Result<std::unique_ptr<Reader>> SqliteDatabase::new_reader() {
  TRY_ASSIGN(auto reader, ConnectionReader::open(files_, options_));
  return std::unique_ptr<Reader>(std::move(reader));
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(env::Disk& disk, const DatabaseOptions& options) {
  auto database = std::make_unique<SqliteDatabase>(disk, options);
  TRY(database->start());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace lockstep::sql
