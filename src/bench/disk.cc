#include "bench/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace lockstep::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kBlock = 4096;
constexpr off_t kFileBytes = 16 << 20;

std::unexpected<Error> system_failure(const std::string& what) {
  return fail(Errc::io, what + ": " + std::strerror(errno));
}

Result<Measured> overwrite(int file, const Options& options) {
  std::string block(kBlock, 'x');
  for (off_t at = 0; at < kFileBytes; at += kBlock)
    if (::pwrite(file, block.data(), kBlock, at) != static_cast<ssize_t>(kBlock))
      return system_failure("write");
  if (::fsync(file) != 0) return system_failure("fsync");
  Measured measured;
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::seconds(options.seconds);
  off_t at = 0;
  const auto is_over = [&](Clock::time_point now) {
    return options.requests > 0 ? measured.latencies.count() >= options.requests : now >= end;
  };
  for (auto now = begin; !is_over(now);) {
    ++block[0];
    if (::pwrite(file, block.data(), kBlock, at) != static_cast<ssize_t>(kBlock))
      return system_failure("write");
    if (::fdatasync(file) != 0) return system_failure("fdatasync");
    at = (at + static_cast<off_t>(kBlock)) % kFileBytes;
    const auto then = Clock::now();
    measured.latencies.add(then - now);
    now = then;
  }
  measured.elapsed = Clock::now() - begin;
  return measured;
}

}  // namespace

Result<Measured> run_disk(const Options& options) {
  const std::string path = options.disk + "/lockstep-bench." + std::to_string(::getpid());
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return system_failure(path);
  ::unlink(path.c_str());
  auto measured = overwrite(file, options);
  ::close(file);
  return measured;
}

}  // namespace lockstep::bench
