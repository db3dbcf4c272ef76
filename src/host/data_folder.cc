// open_data_folder() of posix_disk.h: creating, checking and locking the folder, once at start.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/posix_disk.h"

namespace lockstep::host {

namespace {

std::unexpected<Error> trouble(const std::string& path, std::string_view what, int error) {
  return fail(Errc::io,
              "data folder " + path + " " + std::string(what) + ": " + std::strerror(error));
}

// A folder that was just made must survive a power loss together with what is put into it.
Status sync_parent(const std::string& path, const std::string& made) {
  const std::size_t slash = made.find_last_of('/');
  const std::string parent = slash == std::string::npos ? "." : made.substr(0, slash + 1);
  const int fd = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return {};  // Legal: a parent that may be searched but not read.
  const int failed = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (failed != 0 && failed != EINVAL) return trouble(path, "cannot be synced", failed);
  return {};
}

Status make_folders(const std::string& path) {
  for (std::size_t end = 1; end <= path.size(); ++end) {
    if (end != path.size() && path[end] != '/') continue;
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0755) == 0) {
      TRY(sync_parent(path, part));
    } else if (errno != EEXIST) {
      const int error = errno;
      struct stat info{};
      if (::stat(part.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) continue;
      return trouble(path, "cannot be created", error);
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<PosixDisk>> open_data_folder(const std::string& given) {
  std::string path = given;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.empty()) return fail(Errc::invalid, "data folder: the path is empty");
  TRY(make_folders(path));
  const int dir = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) return trouble(path, "cannot be opened", errno);
  // Where an operator puts peers.json (host/recovery_file.h): it must be there to be found.
  if (::mkdirat(dir, "raft", 0755) != 0 && errno != EEXIST) {
    const int error = errno;
    ::close(dir);
    return trouble(path, "is not writable", error);
  }
  const std::string name(kLockName);
  const int lock = ::openat(dir, name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) {
    const int error = errno;
    ::close(dir);
    return trouble(path, "is not writable", error);
  }
  auto disk = std::make_unique<PosixDisk>(path, dir, lock);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return fail(Errc::busy, "data folder " + path + " is in use by another process");
    return trouble(path, "cannot be locked", errno);
  }
  if (::faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) != 0)
    return trouble(path, "is not writable", errno);
  return disk;
}

}  // namespace lockstep::host
