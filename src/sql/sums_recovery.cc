#include "sql/sums_recovery.h"

#include "sql/wal_format.h"

namespace lockstep::sql {

Status recover_sums(DatabaseFiles& files, const storage::DurableState& state, env::File& main,
                    env::File& wal) {
  const WalExpectation expected{.page_bytes = state.page_bytes,
                                .salt1 = state.wal_salt1,
                                .salt2 = state.wal_salt2,
                                .frames = state.wal_frames};
  TRY_ASSIGN(const WalContents contents, read_wal(wal, expected, files.frame_sums()));
  TRY_ASSIGN(const std::uint64_t bytes, main.size());
  const bool in_frames = state.wal_frames > 0;  // half a page at the end is
  const auto pages =
      static_cast<std::uint32_t>((bytes + (in_frames ? 0 : kPageBytes - 1)) / kPageBytes);
  return files.page_sums().load(files.disk(), state.sums_file, pages, contents);
}

}  // namespace lockstep::sql
