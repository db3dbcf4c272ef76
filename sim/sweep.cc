#include "sim/sweep.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"

namespace lockstep::sim {
namespace {

using RealClock = std::chrono::steady_clock;

constexpr std::size_t kErrorTailMax = 4096;  // bytes kept of what a child wrote to standard error
constexpr std::uint32_t kReportMax = 1u << 20;

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(3);  // The parent is gone.
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

SeedReport run_once_or_twice(std::uint64_t seed, const SimOptions& options) {
  RunOptions run{.scale = options.scale, .text = nullptr};
  if (options.verbose) {
    run.text = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
  }
  SeedReport report = run_seed(seed, run);
  if (!options.twice) return report;
  run.text = nullptr;
  const SeedReport again = run_seed(seed, run);
  if (again.hash != report.hash && !report.violation) {
    report.violation =
        Violation{.rule = "not deterministic",
                  .text = fmt::format("hash {:016x}, then {:016x}", report.hash, again.hash)};
  }
  return report;
}

// One worker: runs every `stride`-th seed from `next` on.
struct Child {
  pid_t pid = -1;
  int reports = -1;
  int errors = -1;
  std::uint64_t next = 0;  // the seed it is at, or all done
  RealClock::time_point since;
  std::string received;
  std::string error_tail;
  bool hung = false;
};

[[noreturn]] void run_child(const SimOptions& options, std::uint64_t first, unsigned stride,
                            int reports) {
  for (std::uint64_t seed = first; seed <= options.last_seed; seed += stride) {
    const std::string bytes = encode(run_once_or_twice(seed, options));
    const auto size = static_cast<std::uint32_t>(bytes.size());
    std::string framed(sizeof size, '\0');
    std::memcpy(framed.data(), &size, sizeof size);
    write_all(reports, framed + bytes);
    if (options.last_seed - seed < stride) break;
  }
  std::fflush(nullptr);
  _exit(0);
}

class Sweep {
 public:
  Sweep(const SimOptions& options, const std::function<bool(const SeedReport&)>& each)
      : options_(options), each_(each) {
    const std::uint64_t seeds = options.last_seed - options.first_seed + 1;
    const long processors = ::sysconf(_SC_NPROCESSORS_ONLN);
    const auto wanted =
        options.jobs > 0 ? options.jobs : static_cast<unsigned>(std::max(processors, 1L));
    stride_ = static_cast<unsigned>(std::min<std::uint64_t>(wanted, seeds));
    children_.resize(stride_);
    for (unsigned i = 0; i < stride_; ++i) children_[i].next = options.first_seed + i;
  }

  ~Sweep() {
    for (Child& child : children_) {
      if (child.pid > 0) ::kill(child.pid, SIGKILL);
      reap(child);
    }
  }

  void run() {
    for (Child& child : children_) start(child);
    while (!stopped_ && any_running()) {
      wait_for_news();
      for (Child& child : children_) {
        if (child.pid > 0) look_after(child);
        if (stopped_) return;
      }
    }
  }

 private:
  [[nodiscard]] bool any_running() const {
    return std::any_of(children_.begin(), children_.end(),
                       [](const Child& child) { return child.pid > 0; });
  }

  void start(Child& child) {
    if (child.next > options_.last_seed) return;
    int reports[2];
    int errors[2];
    CHECK(::pipe(reports) == 0 && ::pipe(errors) == 0);
    std::fflush(nullptr);
    const pid_t pid = ::fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      ::close(reports[0]);
      ::close(errors[0]);
      if (!options_.verbose) ::dup2(errors[1], STDERR_FILENO);
      run_child(options_, child.next, stride_, reports[1]);
    }
    ::close(reports[1]);
    ::close(errors[1]);
    ::fcntl(errors[0], F_SETFL, O_NONBLOCK);
    child.pid = pid;
    child.reports = reports[0];
    child.errors = errors[0];
    child.since = RealClock::now();
    child.received.clear();
    child.error_tail.clear();
    child.hung = false;
  }

  void wait_for_news() {
    std::vector<pollfd> fds;
    for (const Child& child : children_) {
      if (child.pid < 0) continue;
      fds.push_back({.fd = child.reports, .events = POLLIN, .revents = 0});
      fds.push_back({.fd = child.errors, .events = POLLIN, .revents = 0});
    }
    ::poll(fds.data(), fds.size(), 200);
  }

  void look_after(Child& child) {
    read_errors(child);
    pollfd fd{.fd = child.reports, .events = POLLIN, .revents = 0};
    if (::poll(&fd, 1, 0) > 0) {
      char buffer[1 << 16];
      const ssize_t n = ::read(child.reports, buffer, sizeof buffer);
      if (n > 0) {
        child.received.append(buffer, static_cast<std::size_t>(n));
        take_reports(child);
        return;
      }
      if (n == 0) return ended(child);
    }
    const auto limit = std::chrono::seconds(options_.limit_s);
    if (child.hung || RealClock::now() - child.since < limit) return;
    child.hung = true;
    ::kill(child.pid, SIGKILL);
  }

  void read_errors(Child& child) {
    char buffer[4096];
    ssize_t n = 0;
    while ((n = ::read(child.errors, buffer, sizeof buffer)) > 0) {
      child.error_tail.append(buffer, static_cast<std::size_t>(n));
      if (child.error_tail.size() > kErrorTailMax) {
        child.error_tail.erase(0, child.error_tail.size() - kErrorTailMax);
      }
    }
  }

  void take_reports(Child& child) {
    std::uint32_t size = 0;
    while (!stopped_ && child.received.size() >= sizeof size) {
      std::memcpy(&size, child.received.data(), sizeof size);
      CHECK(size <= kReportMax);
      if (child.received.size() < sizeof size + size) return;
      const auto report = decode_report(std::string_view(child.received).substr(sizeof size, size));
      CHECK(report.has_value());
      child.received.erase(0, sizeof size + size);
      child.next += stride_;
      child.since = RealClock::now();
      if (!each_(*report)) stopped_ = true;
    }
  }

  // All done, or died at the seed it was at: then the next process goes on behind it.
  void ended(Child& child) {
    read_errors(child);
    const int status = reap(child);
    if (child.next > options_.last_seed) return;
    SeedReport report;
    report.seed = child.next;
    report.violation = Violation{.rule = "the process died", .text = cause(child, status)};
    if (child.hung) report.violation->rule = "the run did not end";
    child.next += stride_;
    if (!each_(report)) {
      stopped_ = true;
      return;
    }
    start(child);
  }

  std::string cause(const Child& child, int status) const {
    if (child.hung) return fmt::format("no end within {} s of real time", options_.limit_s);
    std::string text = WIFSIGNALED(status) ? fmt::format("signal {} ({})", WTERMSIG(status),
                                                         ::strsignal(WTERMSIG(status)))
                                           : fmt::format("exit status {}", WEXITSTATUS(status));
    if (!child.error_tail.empty()) text += "\n" + child.error_tail;
    return text;
  }

  static int reap(Child& child) {
    if (child.pid <= 0) return 0;
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    ::close(child.reports);
    ::close(child.errors);
    child.pid = -1;
    return status;
  }

  const SimOptions& options_;
  const std::function<bool(const SeedReport&)>& each_;
  unsigned stride_ = 1;
  bool stopped_ = false;
  std::vector<Child> children_;
};

}  // namespace

void run_sweep(const SimOptions& options, const std::function<bool(const SeedReport&)>& each) {
  Sweep(options, each).run();
}

bool has_terminal() {
  return ::isatty(STDOUT_FILENO) == 1;
}

}  // namespace lockstep::sim
