#include "host/job_watch.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

namespace lockstep::host {

namespace {

// A tenth of the weight of others (sched(7)). With much less, a thread that is held up while it
// holds a lock would hold up those that wait for it.
constexpr int kGivesWay = 10;

pid_t thread_id() {
  thread_local const pid_t id = ::gettid();
  return id;
}

}  // namespace

void JobWatch::begin(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  thread_ = thread_id();
  since_ = now;
  gives_way_ = false;
}

bool JobWatch::end() {
  const std::lock_guard lock(mutex_);
  thread_ = 0;
  return !gives_way_;
}

// With the lock: the thread is in its job until end() has it.
void JobWatch::check(Clock::time_point now, Duration long_job) {
  const std::lock_guard lock(mutex_);
  if (thread_ == 0 || gives_way_ || now - since_ < long_job) return;
  const auto id = static_cast<id_t>(thread_);
  errno = 0;
  const int nice = ::getpriority(PRIO_PROCESS, id);
  if (errno != 0) return;
  // Where even this is forbidden, the job goes on as it is.
  gives_way_ = ::setpriority(PRIO_PROCESS, id, nice + kGivesWay) == 0;
}

}  // namespace lockstep::host
