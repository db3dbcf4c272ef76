#include "sql/recovery.h"

#include <sqlite3.h>

#include <memory>

#include "sql/connection.h"
#include "sql/image_files.h"
#include "sql/sums_recovery.h"
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
  files.guard().open_main(true);
  {
    TRY_ASSIGN(auto connection, Connection::open(files, options, Role::writer));
    // The journal of the one transaction that sets WAL mode stays in memory: a crash starts afresh.
    TRY(
        connection->exec("PRAGMA page_size=4096;PRAGMA auto_vacuum=0;PRAGMA encoding='UTF-8';"
                         "PRAGMA journal_mode=MEMORY"));
    TRY_ASSIGN(const std::string mode, connection->value_of("PRAGMA journal_mode=WAL"));
    if (mode != "wal") return fail(Errc::io, "SQLite does not enter WAL mode");
    TRY(connection->exec("PRAGMA wal_checkpoint(TRUNCATE)"));
    // A checkpoint that failed answers with a row that says so.
    if (connection->is_fatal(SQLITE_OK)) return std::unexpected(connection->failure());
  }
  files.guard().open_main(false);
  TRY(main->sync());
  TRY(wal->sync());
  TRY_ASSIGN(const std::uint64_t main_bytes, main->size());
  TRY(files.page_sums().create(disk, static_cast<std::uint32_t>(main_bytes / kPageBytes)));
  // All names are durable before a manifest can speak of them.
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
  if (manifest.current()->installing) TRY(finish_installation(files.disk(), manifest));
  const storage::DurableState& state = *manifest.current();
  if (state.page_bytes != kPageBytes)
    return fail(Errc::invalid, "manifest: page size " + std::to_string(state.page_bytes));
  TRY_ASSIGN(auto main, open_state_file(files.disk(), kMainName));
  TRY_ASSIGN(auto wal, open_state_file(files.disk(), kWalName));
  TRY_ASSIGN(const std::uint64_t main_bytes, main->size());
  if (main_bytes < kPageBytes) return fail(Errc::corrupt, "db.sqlite is too short");
  TRY(recover_sums(files, state, *main, *wal));
  // Half a page, where a checkpoint found no room and then the process ended: the frames have it.
  if (state.wal_frames > 0 && main_bytes % kPageBytes != 0)
    TRY(main->truncate(main_bytes / kPageBytes * kPageBytes));
  // What follows the last durable frame belongs to no state: entries are replayed instead. The cut
  // must be durable before new frames are written there, or a later crash could mix the two.
  TRY_ASSIGN(const std::uint64_t found, wal->size());
  const std::uint64_t wanted = wal_bytes(state.wal_frames, state.page_bytes);
  if (found != wanted) TRY(wal->truncate(wanted));
  TRY(wal->sync());
  files.guard().protect_wal(state.wal_frames);
  return {};
}

}  // namespace lockstep::sql
