#include "sql/recovery.h"

#include <sqlite3.h>

#include <memory>

#include "sql/connection.h"
#include "sql/wal_format.h"

namespace lockstep::sql {
namespace {

using env::OpenMode;

Result<std::unique_ptr<env::File>> open_empty(env::Disk& disk, const char* name) {
  TRY_ASSIGN(auto file, disk.open(name, OpenMode::create));
  TRY(file->truncate(0));
  return file;
}

// Whatever stands there is what an earlier creation left unfinished.
Status create(DatabaseFiles& files, const DatabaseOptions& options, storage::Manifest& manifest) {
  env::Disk& disk = files.disk();
  TRY_ASSIGN(auto main, open_empty(disk, kMainName));
  TRY_ASSIGN(auto wal, open_empty(disk, kWalName));
  files.main_writable = true;
  {
    TRY_ASSIGN(auto connection, Connection::open(files, options, Role::writer));
    // The journal of the one transaction that sets WAL mode stays in memory: a crash starts afresh.
    TRY(
        connection->exec("PRAGMA page_size=4096;PRAGMA auto_vacuum=0;PRAGMA encoding='UTF-8';"
                         "PRAGMA journal_mode=MEMORY"));
    TRY_ASSIGN(const std::string mode, connection->value_of("PRAGMA journal_mode=WAL"));
    if (mode != "wal") return fail(Errc::io, "SQLite does not enter WAL mode");
    TRY(connection->exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  files.main_writable = false;
  TRY(main->sync());
  TRY(wal->sync());
  // Both names are durable before a manifest can speak of them.
  TRY(disk.sync_dir());
  storage::DurableState empty;
  empty.page_bytes = kPageBytes;
  return manifest.store(empty);
}

Result<std::unique_ptr<env::File>> open_state_file(env::Disk& disk, const char* name) {
  auto file = disk.open(name, OpenMode::existing);
  if (!file && file.error().code == Errc::not_found)
    return fail(Errc::corrupt, std::string(name) + " is missing");
  return file;
}

}  // namespace

Status recover_files(DatabaseFiles& files, const DatabaseOptions& options,
                     storage::Manifest& manifest) {
  if (!manifest.current()) return create(files, options, manifest);
  const storage::DurableState& state = *manifest.current();
  if (state.page_bytes != kPageBytes)
    return fail(Errc::invalid, "manifest: page size " + std::to_string(state.page_bytes));
  TRY_ASSIGN(auto main, open_state_file(files.disk(), kMainName));
  TRY_ASSIGN(auto wal, open_state_file(files.disk(), kWalName));
  TRY_ASSIGN(const std::uint64_t main_bytes, main->size());
  if (main_bytes < kPageBytes) return fail(Errc::corrupt, "db.sqlite is too short");
  TRY(verify_wal(*wal, {.page_bytes = state.page_bytes,
                        .salt1 = state.wal_salt1,
                        .salt2 = state.wal_salt2,
                        .frames = state.wal_frames}));
  // What follows the last durable frame belongs to no state: entries are replayed instead. The cut
  // must be durable before new frames are written there, or a later crash could mix the two.
  TRY_ASSIGN(const std::uint64_t found, wal->size());
  const std::uint64_t wanted = wal_bytes(state.wal_frames, state.page_bytes);
  if (found != wanted) TRY(wal->truncate(wanted));
  TRY(wal->sync());
  files.durable_wal_frames = state.wal_frames;
  return {};
}

}  // namespace lockstep::sql
