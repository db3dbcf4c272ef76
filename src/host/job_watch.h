// JobWatch: makes a job that takes long give way to everybody else. A read may compute for minutes;
// where there are no more cores than work, it then gets what the others leave.
//
// The thread's nice value is raised. To lower it again takes a privilege that a node need not have
// (setpriority(2), RLIMIT_NICE), so that thread is given up after the job, and another one started.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <mutex>

#include "base/time.h"

namespace lockstep::host {

class JobWatch {
 public:
  using Clock = std::chrono::steady_clock;

  // The thread that does the job, which is the only one of this watch.
  void begin(Clock::time_point now);
  // The same thread. False: it has been told to give way, and must do nothing any more.
  [[nodiscard]] bool end();
  // Any thread. If a job has taken this long, its thread gives way from now on.
  void check(Clock::time_point now, Duration long_job);

 private:
  std::mutex mutex_;
  pid_t thread_ = 0;  // 0: no job
  Clock::time_point since_;
  bool gives_way_ = false;
};

}  // namespace lockstep::host
