// PosixDisk: env::Disk over one folder of the real file system. Calls are synchronous and restart
// after signals and short transfers.
//
// ENOSPC and EDQUOT of an open, write, truncate or rename become Errc::no_space. Of a sync they
// become Errc::io: with delayed allocation the pages may be gone by then, so nothing may be
// concluded from it.
//
// Writes that no sync follows begin their way to the disk in portions, each after the one before,
// so that the sync of any file finds little before it. A write may therefore wait for earlier ones
// of its handle, and report their failure (Errc::io).
#pragma once

#include <memory>
#include <string>

#include "env/disk.h"

namespace lockstep::host {

// The name under which the folder is locked; not a file of the node's state.
inline constexpr std::string_view kLockName = "LOCK";

class PosixDisk final : public env::Disk {
 public:
  // Takes ownership of both descriptors. `folder` is for messages.
  PosixDisk(std::string folder, int dir_fd, int lock_fd);
  ~PosixDisk() override;
  PosixDisk(const PosixDisk&) = delete;
  PosixDisk& operator=(const PosixDisk&) = delete;

  Result<std::unique_ptr<env::File>> open(std::string_view name, env::OpenMode mode) override;
  Status remove(std::string_view name) override;
  Status rename(std::string_view from, std::string_view to) override;
  Status sync_dir() override;
  // Regular files only, without the lock.
  Result<std::vector<std::string>> list() override;

 private:
  std::string folder_;
  int dir_fd_;
  int lock_fd_;  // -1: none
};

// Opens the data folder: creates it and missing parents (0755), checks that it can be written, and
// locks it against other processes until the disk is destroyed. Errors are one line for the
// operator: "data folder X is in use by another process", "data folder X is not writable: ...".
Result<std::unique_ptr<PosixDisk>> open_data_folder(const std::string& path);

}  // namespace lockstep::host
