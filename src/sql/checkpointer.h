// Checkpointer: the image lane's half of a Database. Makes durable what the apply lane has applied,
// copies the WAL's frames into the main file beside it, and pins images (docs/design.md, "Durable
// points"). It holds the writer's gate only to fix what it speaks of.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "env/disk.h"
#include "sql/connection.h"
#include "sql/database.h"
#include "sql/shared.h"
#include "sql/vfs.h"
#include "storage/manifest.h"

namespace lockstep::sql {

// Image lane, and before the first turn. For success and failures see Database.
class Checkpointer {
 public:
  // All outlive it. Precondition: the files hold what the manifest names, and the writing
  // connection is open.
  static Result<std::unique_ptr<Checkpointer>> open(DatabaseFiles& files, Shared& shared,
                                                    storage::Manifest& manifest,
                                                    const DatabaseOptions& options);

  [[nodiscard]] const storage::DurableState& durable() const { return *manifest_.current(); }
  Status durable_point() { return latched(run_durable_point()); }
  Status checkpoint(Checkpoint mode) { return latched(run_checkpoint(mode)); }

  Result<ImageLabel> pin_image() { return latched(fix_image()); }
  Result<std::string> read_image(ImagePart part, std::uint64_t offset, std::uint64_t bytes) {
    return latched(read_part(part, offset, bytes));
  }
  void unpin_image() { pinned_.reset(); }

 private:
  // What the applied state is at one moment, and how much of the WAL it takes.
  struct Fixed {
    storage::DurableState state;
    std::uint32_t pages = 0;  // size of the database
  };
  enum class Hold : std::uint8_t { until_copying, throughout };

  Checkpointer(DatabaseFiles& files, Shared& shared, storage::Manifest& manifest,
               Duration restart_patience)
      : files_(files), shared_(shared), manifest_(manifest), restart_patience_(restart_patience) {}
  // A failure that is not the full disk's is the last word.
  template <class Outcome>
  Outcome latched(Outcome outcome) {
    if (!outcome && outcome.error().code != Errc::no_space) shared_.fail(outcome.error());
    return outcome;
  }
  Status usable() const;
  Status run_durable_point();
  Status run_checkpoint(Checkpoint mode);
  Result<ImageLabel> fix_image();
  Result<std::string> read_part(ImagePart part, std::uint64_t offset, std::uint64_t bytes);
  Result<Fixed> fix();
  Status make_durable(const storage::DurableState& state);
  Status store(const storage::DurableState& state);
  Result<bool> pass(Hold hold, GateHold& gate);
  Status restart_wal();
  void wait_for_readers();
  Status copy(const storage::DurableState& state, GateHold& gate, Hold hold,
              std::uint64_t& backfilled);
  Status complete(const Fixed& fixed);
  Result<std::uint64_t> whole_pages();
  std::uint64_t frames_left();

  DatabaseFiles& files_;
  Shared& shared_;
  storage::Manifest& manifest_;
  const Duration restart_patience_;
  std::unique_ptr<env::File> main_;
  std::unique_ptr<env::File> wal_;
  std::unique_ptr<Connection> copier_;
  std::optional<ImageLabel> pinned_;
};

}  // namespace lockstep::sql
