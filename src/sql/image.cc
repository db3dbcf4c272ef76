#include "sql/image.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/bugs.h"
#include "sql/image_files.h"
#include "sql/page_sums.h"
#include "sql/vfs.h"
#include "sql/wal_format.h"

namespace lockstep::sql {
namespace {

using env::OpenMode;

std::unexpected<Error> not_the_image(const std::string& what) {
  return fail(Errc::corrupt, "image: " + what);
}

Result<std::unique_ptr<env::File>> open_staged(env::Disk& disk, const char* name,
                                               std::uint64_t bytes) {
  auto file = disk.open(name, OpenMode::existing);
  if (!file && file.error().code == Errc::not_found)
    return not_the_image(std::string(name) + " is missing");
  if (!file) return file;
  TRY_ASSIGN(const std::uint64_t found, (*file)->size());
  if (found != bytes)
    return not_the_image(std::string(name) + " has " + std::to_string(found) + " bytes, not " +
                         std::to_string(bytes));
  return file;
}

// Cheap, and tells a file that is no database of ours; the pages' content is the sender's word.
Status verify_main(env::File& main) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  constexpr std::string_view kPageBytesAndWalMode("\x10\x00\x02\x02", 4);
  std::string header(20, '\0');
  TRY(env::read_exactly(main, 0, header));
  if (!header.starts_with(kMagic) || !header.ends_with(kPageBytesAndWalMode))
    return not_the_image(std::string(kStagedMain) + " is no database of ours");
  return {};
}

// Without frames the file is empty, whatever an earlier attempt left there.
Result<std::unique_ptr<env::File>> staged_wal(env::Disk& disk, const ImageLabel& label) {
  if (label.wal_bytes > 0) {
    TRY_ASSIGN(auto wal, open_staged(disk, kStagedWal, label.wal_bytes));
    TRY(verify_wal(*wal, {.page_bytes = label.state.page_bytes,
                          .salt1 = label.state.wal_salt1,
                          .salt2 = label.state.wal_salt2,
                          .frames = label.state.wal_frames}));
    return wal;
  }
  TRY_ASSIGN(auto wal, disk.open(kStagedWal, OpenMode::create));
  TRY(wal->truncate(0));
  return wal;
}

struct StagedImage {
  std::unique_ptr<env::File> main;
  std::unique_ptr<env::File> wal;
};

Result<StagedImage> open_image(env::Disk& disk, const ImageLabel& label) {
  TRY(check_label(label));
  StagedImage staged;
  TRY_ASSIGN(staged.main, open_staged(disk, kStagedMain, label.main_bytes));
  TRY(verify_main(*staged.main));
  TRY_ASSIGN(staged.wal, staged_wal(disk, label));
  return staged;
}

Status sync_staged(env::Disk& disk, env::File& main, env::File& wal) {
  if (LOCKSTEP_BUG(install_without_sync)) return {};
  // What a failed sync leaves is not known, so the full disk's failure is final here too.
  for (env::File* file : {&main, &wal}) {
    auto done = file->sync();
    if (!done) return fail(Errc::io, done.error().text);
  }
  return disk.sync_dir();
}

Result<std::unique_ptr<storage::Manifest>> open_manifest(env::Disk& disk) {
  auto manifest = storage::Manifest::open(disk);
  if (manifest || manifest.error().code != Errc::corrupt) return manifest;
  // Legal: a crash from here on leaves no manifest or an empty one, and with it an empty database
  // at index 0, which the log or the next image brings up to date.
  TRY(disk.remove("manifest"));
  return storage::Manifest::open(disk);
}

Status move_into_place(env::Disk& disk, const char* from, const char* to) {
  auto moved = disk.rename(from, to);
  // Legal: a crash came after this rename.
  if (!moved && moved.error().code == Errc::not_found) return {};
  return moved;
}

}  // namespace

Status check_label(const ImageLabel& label) {
  const auto frames = label.state.wal_frames;
  if (label.state.page_bytes != kPageBytes) return not_the_image("page size is not ours");
  if (label.main_bytes == 0 || label.main_bytes % kPageBytes != 0)
    return not_the_image("impossible label: " + std::to_string(label.main_bytes) +
                         " bytes are no whole pages");
  if (label.wal_bytes != wal_bytes(frames, kPageBytes))
    return not_the_image("impossible label: " + std::to_string(label.wal_bytes) +
                         " bytes are not " + std::to_string(frames) + " frames");
  return {};
}

Status check_staged(env::Disk& disk, const ImageLabel& label) {
  TRY(open_image(disk, label));
  return {};
}

Status install_image(env::Disk& disk, const ImageLabel& label, const raft::Membership& membership) {
  TRY_ASSIGN(const StagedImage staged, open_image(disk, label));
  TRY(sync_staged(disk, *staged.main, *staged.wal));
  storage::DurableState state = label.state;
  state.image_membership = encode(membership);
  state.installing = true;
  state.sums_file = 0;
  TRY_ASSIGN(const auto manifest, open_manifest(disk));
  return manifest->store(state);
}

Status finish_installation(env::Disk& disk, storage::Manifest& manifest) {
  TRY(move_into_place(disk, kStagedMain, kMainName));
  TRY(move_into_place(disk, kStagedWal, kWalName));
  TRY(disk.sync_dir());
  TRY_ASSIGN(const auto main, disk.open(kMainName, OpenMode::existing));
  TRY(PageSums::rebuild(disk, *main));
  storage::DurableState state = *manifest.current();
  state.installing = false;
  state.sums_file = 0;
  return manifest.store(state);
}

}  // namespace lockstep::sql
