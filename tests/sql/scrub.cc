#include "tests/sql/scrub.h"

#include "sql/page_sums.h"
#include "sql/sums_recovery.h"
#include "sql/vfs.h"
#include "storage/manifest.h"

namespace lockstep::sql {

Result<WalContents> scrub_at_rest(sim::SimDisk& disk) {
  DatabaseFiles files(disk);
  TRY_ASSIGN(const auto manifest, storage::Manifest::open(disk));
  if (!manifest->current()) return WalContents{};  // not created yet
  const storage::DurableState& state = *manifest->current();
  TRY_ASSIGN(const auto main, disk.open(kMainName, env::OpenMode::existing));
  TRY_ASSIGN(const auto wal, disk.open(kWalName, env::OpenMode::existing));
  TRY(recover_sums(files, state, *main, *wal));
  TRY_ASSIGN(const auto checked, files.open(kMainName));
  TRY_ASSIGN(const std::uint64_t bytes, checked->size());
  TRY(PageSums::scrub(*checked, 1, static_cast<std::uint32_t>(bytes / kPageBytes)));
  FrameSums unused;
  return read_wal(*wal,
                  {.page_bytes = state.page_bytes,
                   .salt1 = state.wal_salt1,
                   .salt2 = state.wal_salt2,
                   .frames = state.wal_frames},
                  unused);
}

}  // namespace lockstep::sql
