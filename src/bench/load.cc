#include "bench/load.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <memory>

#include "bench/connection.h"
#include "bench/requests.h"

namespace lockstep::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Slot {
  Connection connection;
  Clock::time_point since;  // sent (closed loop) or due (open loop)
  bool open = false;
};

// CPU time of a process, from /proc; 0 if it is gone.
Nanos cpu_of(std::uint64_t pid) {
  std::FILE* file = std::fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "r");
  if (!file) return Nanos{0};
  char line[2048] = {};
  const bool read = std::fgets(line, sizeof line, file) != nullptr;
  std::fclose(file);
  if (!read) return Nanos{0};
  // Fields count from after the name in parentheses, which may hold spaces.
  const std::string_view text(line);
  const std::size_t name_end = text.rfind(')');
  unsigned long long user = 0, system = 0;
  if (name_end == std::string_view::npos ||
      std::sscanf(line + name_end + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                  &user, &system) != 2)
    return Nanos{0};
  const auto ticks = static_cast<std::int64_t>(user + system);
  return Nanos{ticks * (1'000'000'000 / sysconf(_SC_CLK_TCK))};
}

class Runner {
 public:
  Runner(const Options& options, std::vector<Slot> slots)
      : options_(options), slots_(std::move(slots)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}
  ~Runner() { ::close(epoll_); }

  Result<Measured> run() {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u64 = i}};
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, slots_[i].connection.descriptor(), &event);
      idle_.push_back(i);
    }
    const Nanos cpu_before = options_.server_pid ? cpu_of(options_.server_pid) : Nanos{0};
    const auto begin = Clock::now();
    wall_at_begin_ = std::chrono::system_clock::now();
    begin_ = next_due_ = begin;
    while (!is_over(Clock::now())) {
      TRY(start_requests());
      TRY(wait());
    }
    // What is still open is waited for, but not forever: an answer after the end is a latency too.
    const auto patience = Clock::now() + std::chrono::seconds(10);
    while (idle_.size() < slots_.size() && Clock::now() < patience) TRY(wait());
    measured_.elapsed = Clock::now() - begin;
    measured_.errors += slots_.size() - idle_.size();
    if (options_.server_pid) measured_.server_cpu = cpu_of(options_.server_pid) - cpu_before;
    return std::move(measured_);
  }

 private:
  Status start_requests() {
    const auto now = Clock::now();
    while (!idle_.empty() && !is_over(now)) {
      auto since = now;
      if (options_.rate > 0) {
        if (next_due_ > now) break;
        since = next_due_;
        next_due_ += Nanos{1'000'000'000 / options_.rate};
      }
      Slot& slot = slots_[idle_.front()];
      idle_.pop_front();
      slot.since = since;
      slot.open = true;
      TRY(slot.connection.send(make_request(options_, ++number_)));
    }
    return {};
  }

  Status wait() {
    epoll_event events[64];
    int timeout_ms = 100;
    if (options_.rate > 0 && !idle_.empty()) {
      const auto until =
          std::chrono::duration_cast<std::chrono::milliseconds>(next_due_ - Clock::now());
      timeout_ms = static_cast<int>(std::clamp<std::int64_t>(until.count(), 0, 100));
    }
    const int count = ::epoll_wait(epoll_, events, 64, timeout_ms);
    for (int i = 0; i < count; ++i) TRY(serve(events[i].data.u64));
    return {};
  }

  Status serve(std::size_t index) {
    Slot& slot = slots_[index];
    TRY(slot.connection.on_writable());
    TRY_ASSIGN(const bool done, slot.connection.on_readable());
    if (!done || !slot.open) return {};
    slot.open = false;
    note(slot.since, Clock::now() - slot.since);
    const Reply reply = slot.connection.reply();
    if (!is_good(options_, reply)) {
      ++measured_.errors;
      if (measured_.first_error.empty())
        measured_.first_error =
            std::to_string(reply.status) + " " + std::string(reply.body.substr(0, 200));
    }
    if (options_.rate > 0) {
      idle_.push_back(index);
      return {};
    }
    // Closed loop: the next request at once, without another round of the event loop.
    slot.since = Clock::now();
    if (is_over(slot.since)) {
      idle_.push_back(index);
      return {};
    }
    slot.open = true;
    return slot.connection.send(make_request(options_, ++number_));
  }

  // No request begins any more.
  [[nodiscard]] bool is_over(Clock::time_point now) const {
    if (options_.requests > 0) return number_ >= options_.requests;
    return now >= begin_ + std::chrono::seconds(options_.seconds);
  }

  void note(Clock::time_point since, Nanos latency) {
    measured_.latencies.add(latency);
    if (!options_.log.empty())
      measured_.log.push_back({wall_at_begin_ + (since - begin_), latency});
  }

  const Options& options_;
  std::vector<Slot> slots_;
  int epoll_;
  std::deque<std::size_t> idle_;
  Clock::time_point begin_;
  std::chrono::system_clock::time_point wall_at_begin_;
  Clock::time_point next_due_;  // open loop
  std::uint64_t number_ = 0;
  Measured measured_;
};

}  // namespace

Result<Measured> run_load(const Options& options) {
  std::vector<Slot> slots;
  for (unsigned i = 0; i < options.connections; ++i) {
    TRY_ASSIGN(auto connection, Connection::open(options.targets[i % options.targets.size()]));
    slots.push_back({std::move(connection), {}, false});
  }
  for (const auto& request : preparation(options)) {
    TRY_ASSIGN(const Reply reply, slots.front().connection.exchange(request));
    if (reply.status != 200)
      return fail(Errc::refused,
                  "preparing: " + std::to_string(reply.status) + " " + std::string(reply.body));
  }
  return Runner(options, std::move(slots)).run();
}

}  // namespace lockstep::bench
