// Lane: one lane's jobs, done by its thread or, one at a time and only while that thread has none,
// by the strand thread (IdleJob in host/loop.h). What is finished comes back to the strand through
// the Completions that all lanes share.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "env/turns.h"
#include "host/job_watch.h"
#include "host/loop.h"

namespace lockstep::host {

class Lane;

// Finished jobs on their way back to the strand thread; kept alive by a wake-up that is still under
// way when the lanes are gone.
class Completions : public std::enable_shared_from_this<Completions> {
 public:
  explicit Completions(Loop& owner) : loop(owner) {}

  // Lane threads, and one that was the strand's.
  void add(Lane& lane, env::Task done);
  // Strand thread. No `done` runs any more; those that have not are destroyed by drop().
  void stop() { stopped_ = true; }
  void drop();

  Loop& loop;

 private:
  struct Finished {
    Lane* lane;
    env::Task done;
  };
  void deliver();

  std::mutex mutex_;
  std::deque<Finished> finished_;
  bool wake_up_posted_ = false;
  bool stopped_ = false;  // the strand's
};

class Lane final : public IdleJob {
 public:
  struct Traits {
    std::string name;  // of the thread
    bool offers;       // jobs to the strand thread
    bool gives_way;    // when a job takes long (host/job_watch.h)
  };
  Lane(Completions& completions, Traits traits);

  // The rest is the strand thread's.
  void add(env::Task work, env::Task done);
  // The next `done` is about to run.
  void delivered();
  // A job has not come back yet.
  [[nodiscard]] bool is_busy() const { return undelivered_ > 0; }
  // Precondition: gives_way. For jobs that have taken this long.
  void give_way(Duration long_job) { watch_.check(JobWatch::Clock::now(), long_job); }
  // What is queued and offered is dropped, and destroyed by the caller's thread, in join().
  void ask_to_stop();
  void join();
  // How many jobs were done by the strand thread, and how many by the lane's own.
  [[nodiscard]] std::uint64_t here() const { return here_; }
  [[nodiscard]] std::uint64_t elsewhere() const { return elsewhere_; }

 private:
  struct Job {
    env::Task work;
    env::Task done;
  };
  // What became of the thread that did a job.
  enum class Thread : bool { spent, fresh };

  bool may_offer();
  bool strand_is_busy();
  void queue(Job job);
  void begin_here() override;
  void work_here() override { thread_here_ = run(running_); }
  void done_here() override;
  [[nodiscard]] bool done_late() override;
  void pass_on() override;
  void start_thread();
  void serve();
  Thread run_all(std::deque<Job>& round);
  Thread run(Job& job);
  void leave(std::deque<Job>& round);

  Completions& completions_;
  const Traits traits_;
  // The strand's.
  std::optional<Job> offered_;
  std::uint64_t undelivered_ = 0;  // jobs whose `done` has not begun to run
  std::uint64_t last_turn_ = 0;    // of the last job that came alone
  TimePoint last_time_{};
  std::uint64_t here_ = 0;
  std::uint64_t elsewhere_ = 0;
  // The lending thread's, between begin_here() and done_here() or done_late().
  Job running_;
  Thread thread_here_ = Thread::fresh;

  JobWatch watch_;
  std::atomic<unsigned> slow_ = 0;  // so many more jobs are not offered
  std::mutex mutex_;
  std::condition_variable wake_up_;
  std::deque<Job> jobs_;
  bool lent_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> gone_ = false;  // the thread, spent by its last job
  std::thread thread_;
};

}  // namespace lockstep::host
