#include "host/posix_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/check.h"

namespace lockstep::host {

namespace {

constexpr std::size_t kNameMax = 255;

// Bytes that may wait in the system's cache before the disk begins to write them. A sync of another
// file waits for what the disk was given before it: the log's waits for no more than two portions
// instead of all that a checkpoint has written. Measured in docs/figures.md.
constexpr std::uint64_t kPortionBytes = 256 * 1024;
// What a write that does not follow the one before it costs a disk, in bytes written in a row.
constexpr std::uint64_t kSeekBytes = 28 * 1024;

Errc code_of(int error) {
  if (error == ENOSPC || error == EDQUOT) return Errc::no_space;
  if (error == ENOENT) return Errc::not_found;
  return Errc::io;
}

std::unexpected<Error> failed(std::string_view what, const std::string& path, int error) {
  return fail(code_of(error), std::string(what) + " " + path + ": " + std::strerror(error));
}

template <class Call>
auto restarting(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

bool name_is_legal(std::string_view name) {
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kNameMax && name != "." && name != ".." &&
         name != kLockName && std::ranges::all_of(name, legal);
}

Status check_name(std::string_view name) {
  if (name_is_legal(name)) return {};
  return fail(Errc::invalid, "illegal file name \"" + std::string(name) + "\"");
}

class PosixFile final : public env::File {
 public:
  PosixFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~PosixFile() override { ::close(fd_); }

  Result<std::size_t> read(std::uint64_t offset, std::span<char> into) override {
    std::size_t got = 0;
    while (got < into.size()) {
      const ssize_t n = restarting([&] {
        return ::pread(fd_, into.data() + got, into.size() - got, static_cast<off_t>(offset + got));
      });
      if (n < 0) return failed("read", path_, errno);
      if (n == 0) break;
      got += static_cast<std::size_t>(n);
    }
    return got;
  }

  Status write(std::uint64_t offset, std::string_view bytes) override {
    behind_ += bytes.size() + (offset == end_ ? 0 : kSeekBytes);
    end_ = offset + bytes.size();
    while (!bytes.empty()) {
      const ssize_t n = restarting(
          [&] { return ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
      if (n < 0) return failed("write", path_, errno);
      if (n == 0) return fail(Errc::io, "write " + path_ + ": nothing was written");
      offset += static_cast<std::uint64_t>(n);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return behind_ < kPortionBytes ? Status() : write_behind();
  }

  Status sync() override {
    behind_ = 0;
    if (restarting([&] { return ::fdatasync(fd_); }) == 0) return {};
    return fail(Errc::io, "sync " + path_ + ": " + std::strerror(errno));
  }

  Status truncate(std::uint64_t size) override {
    if (restarting([&] { return ::ftruncate(fd_, static_cast<off_t>(size)); }) == 0) return {};
    return failed("truncate", path_, errno);
  }

  Result<std::uint64_t> size() override {
    struct stat info{};
    if (::fstat(fd_, &info) != 0) return failed("size of", path_, errno);
    return static_cast<std::uint64_t>(info.st_size);
  }

 private:
  // Begins to write what is in the cache, as soon as the portion before is on its way no more.
  // Makes nothing durable; but a failure that it reports is not reported to a later sync again.
  Status write_behind() {
    behind_ = 0;
    const auto begin = [this] {
      return ::sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE);
    };
    if (restarting(begin) == 0 || errno == ENOSYS) return {};
    return fail(Errc::io, "write back " + path_ + ": " + std::strerror(errno));
  }

  std::string path_;
  int fd_;
  std::uint64_t end_ = 0;     // of the last write
  std::uint64_t behind_ = 0;  // since the last portion or sync
};

}  // namespace

PosixDisk::PosixDisk(std::string folder, int dir_fd, int lock_fd)
    : folder_(std::move(folder)), dir_fd_(dir_fd), lock_fd_(lock_fd) {
  CHECK(dir_fd_ >= 0);
}

PosixDisk::~PosixDisk() {
  ::close(dir_fd_);
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

Result<std::unique_ptr<env::File>> PosixDisk::open(std::string_view name, env::OpenMode mode) {
  TRY(check_name(name));
  const std::string file(name);
  const int flags = O_RDWR | O_CLOEXEC | (mode == env::OpenMode::create ? O_CREAT : 0);
  const int fd = restarting([&] { return ::openat(dir_fd_, file.c_str(), flags, 0644); });
  if (fd < 0) return failed("open", folder_ + "/" + file, errno);
  return std::make_unique<PosixFile>(folder_ + "/" + file, fd);
}

Status PosixDisk::remove(std::string_view name) {
  TRY(check_name(name));
  const std::string file(name);
  if (::unlinkat(dir_fd_, file.c_str(), 0) == 0) return {};
  return failed("remove", folder_ + "/" + file, errno);
}

Status PosixDisk::rename(std::string_view from, std::string_view to) {
  TRY(check_name(from));
  TRY(check_name(to));
  const std::string source(from);
  const std::string target(to);
  if (::renameat(dir_fd_, source.c_str(), dir_fd_, target.c_str()) == 0) return {};
  return failed("rename", folder_ + "/" + source + " to " + target, errno);
}

Status PosixDisk::sync_dir() {
  if (restarting([&] { return ::fsync(dir_fd_); }) == 0) return {};
  return fail(Errc::io, "sync folder " + folder_ + ": " + std::strerror(errno));
}

Result<std::vector<std::string>> PosixDisk::list() {
  // A descriptor of its own: fdopendir() takes it over, and its position is not shared.
  const int fd = ::openat(dir_fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed("list", folder_, errno);
  DIR* dir = ::fdopendir(fd);
  if (dir == nullptr) {
    const int error = errno;
    ::close(fd);
    return failed("list", folder_, error);
  }
  std::vector<std::string> names;
  int error = 0;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir);
    if (entry == nullptr) {
      error = errno;
      break;
    }
    struct stat info{};
    if (!name_is_legal(entry->d_name)) continue;
    if (::fstatat(dir_fd_, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISREG(info.st_mode)) names.emplace_back(entry->d_name);
  }
  ::closedir(dir);
  if (error != 0) return failed("list", folder_, error);
  std::ranges::sort(names);
  return names;
}

}  // namespace lockstep::host
