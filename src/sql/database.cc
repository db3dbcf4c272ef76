// Database over its parts: on the apply lane the Applier changes it, on the image lane the
// Checkpointer makes that durable; what both know is Shared.
#include "sql/database.h"

#include <utility>

#include "base/check.h"
#include "sql/applier.h"
#include "sql/checkpointer.h"
#include "sql/connection.h"
#include "sql/content_hash.h"
#include "sql/counters.h"
#include "sql/reader.h"
#include "sql/recovery.h"
#include "sql/shared.h"

namespace lockstep::sql {
namespace {

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(env::Disk& disk, const DatabaseOptions& options)
      : options_(options), files_(disk) {}
  Status start();

  DatabaseStatus status() const override { return shared_.status(); }
  storage::DurableState durable() const override { return checkpointer_->durable(); }
  Result<std::vector<Applied>> apply(std::span<const raft::Entry> entries) override;
  Result<std::uint64_t> content_hash() override { return hash_content(*writer_); }
  Status durable_point() override { return checkpointer_->durable_point(); }
  Status checkpoint(Checkpoint mode) override { return checkpointer_->checkpoint(mode); }
  Result<ImageLabel> pin_image() override { return checkpointer_->pin_image(); }
  Result<std::string> read_image(ImagePart part, std::uint64_t offset,
                                 std::uint64_t bytes) override {
    return checkpointer_->read_image(part, offset, bytes);
  }
  void unpin_image() override { checkpointer_->unpin_image(); }
  Result<std::unique_ptr<Reader>> new_reader() override;

 private:
  Status check_opened();
  Result<std::vector<Applied>> apply_held(std::span<const raft::Entry> entries);
  void stand_at(const raft::Position& applied);

  const DatabaseOptions options_;
  DatabaseFiles files_;
  Shared shared_;
  std::unique_ptr<storage::Manifest> manifest_;
  std::unique_ptr<Connection> writer_;
  std::unique_ptr<Applier> applier_;
  std::unique_ptr<Checkpointer> checkpointer_;
};

Status SqliteDatabase::start() {
  initialise_sqlite();
  seed_sqlite_generator(options_.seed);
  TRY_ASSIGN(manifest_, storage::Manifest::open(files_.disk()));
  TRY(recover_files(files_, options_, *manifest_));
  TRY_ASSIGN(writer_, Connection::open(files_, options_, Role::writer));
  TRY(check_opened());
  const storage::DurableState& state = *manifest_->current();
  TRY(set_counters(writer_->handle(),
                   {.last_insert_id = state.last_insert_id, .rows_affected = state.rows_affected}));
  TRY_ASSIGN(applier_, Applier::open(files_, *writer_, options_.seed));
  TRY_ASSIGN(checkpointer_, Checkpointer::open(files_, shared_, *manifest_, options_));
  shared_.set_durable(state.index);
  stand_at({.index = state.index, .term = state.term});
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

Result<std::vector<Applied>> SqliteDatabase::apply(std::span<const raft::Entry> entries) {
  if (entries.empty()) return std::vector<Applied>();
  const GateHold gate(shared_.gate);
  if (auto failure = shared_.failure()) return std::unexpected(std::move(*failure));
  auto results = apply_held(entries);
  if (results)
    stand_at({.index = entries.back().index, .term = entries.back().term});
  else if (results.error().code != Errc::no_space)
    shared_.fail(results.error());
  return results;
}

Result<std::vector<Applied>> SqliteDatabase::apply_held(std::span<const raft::Entry> entries) {
  for (std::size_t i = 0; i < entries.size(); ++i)
    CHECK(entries[i].index == shared_.applied.index + (i + 1));
  return applier_->apply(entries);
}

// Holder of the gate.
void SqliteDatabase::stand_at(const raft::Position& applied) {
  shared_.applied = applied;
  shared_.counters = counters_of(writer_->handle());
  const WalIndex wal = files_.wal_index();
  shared_.set_frames(wal.frames, wal.backfilled);
  shared_.set_applied(applied.index);
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
