#include "host/thread_lanes.h"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "base/check.h"
#include "host/loop.h"

namespace lockstep::host {

// Finished jobs on their way back to the strand thread; shared by all lanes, and kept alive by a
// wake-up that is still under way when the lanes are gone.
struct ThreadLanes::Completions : std::enable_shared_from_this<Completions> {
  explicit Completions(Loop& owner) : loop(owner) {}

  Loop& loop;
  std::mutex mutex;
  std::deque<env::Task> finished;
  bool wake_up_posted = false;
  bool stopped = false;

  // Lane threads.
  void add(env::Task done) {
    {
      const std::lock_guard lock(mutex);
      finished.push_back(std::move(done));
      if (std::exchange(wake_up_posted, true)) return;
    }
    loop.post_from_any_thread([self = shared_from_this()] { self->deliver(); });
  }

  // Strand thread.
  void deliver() {
    std::deque<env::Task> round;
    {
      const std::lock_guard lock(mutex);
      wake_up_posted = false;
      round.swap(finished);
    }
    while (!round.empty() && !stopped) {
      env::Task next = std::move(round.front());
      round.pop_front();
      loop.begin_turn();
      next();
    }
  }
};

class ThreadLanes::Lane {
 public:
  Lane(Completions& completions, const std::string& name)
      : completions_(completions), thread_([this] { serve(); }) {
    (void)::pthread_setname_np(thread_.native_handle(), name.c_str());
  }

  void add(env::Task work, env::Task done) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back({std::move(work), std::move(done)});
    }
    wake_up_.notify_one();
  }

  void ask_to_stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_.store(true, std::memory_order_relaxed);
    }
    wake_up_.notify_one();
  }

  // Afterwards what is left of the queue is destroyed by the caller's thread.
  void join() {
    thread_.join();
    jobs_.clear();
  }

 private:
  struct Job {
    env::Task work;
    env::Task done;
  };

  void serve() {
    std::deque<Job> round;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        // Dropped jobs go back to the queue: their tasks are the strand thread's to destroy.
        if (stopping_.load(std::memory_order_relaxed)) {
          while (!round.empty()) {
            jobs_.push_front(std::move(round.back()));
            round.pop_back();
          }
          return;
        }
        if (round.empty()) {
          wake_up_.wait(
              lock, [&] { return !jobs_.empty() || stopping_.load(std::memory_order_relaxed); });
          round.swap(jobs_);
          continue;
        }
      }
      run_all(round);
    }
  }

  void run_all(std::deque<Job>& round) {
    while (!round.empty() && !stopping_.load(std::memory_order_relaxed)) {
      Job job = std::move(round.front());
      round.pop_front();
      job.work();
      job.work = nullptr;
      completions_.add(std::move(job.done));
    }
  }

  Completions& completions_;
  std::mutex mutex_;
  std::condition_variable wake_up_;
  std::deque<Job> jobs_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;  // last: it uses the members above
};

ThreadLanes::ThreadLanes(Loop& loop, unsigned read_lanes)
    : read_lanes_(read_lanes), completions_(std::make_shared<Completions>(loop)) {
  CHECK(read_lanes_ >= 1);
  for (const char* name : {"log", "apply", "image"})
    lanes_.push_back(std::make_unique<Lane>(*completions_, name));
  for (unsigned k = 0; k < read_lanes_; ++k)
    lanes_.push_back(std::make_unique<Lane>(*completions_, "read" + std::to_string(k)));
}

ThreadLanes::~ThreadLanes() {
  stop();
}

ThreadLanes::Lane& ThreadLanes::lane(env::LaneId id) {
  switch (id.kind) {
    case env::LaneKind::log:
      return *lanes_[0];
    case env::LaneKind::apply:
      return *lanes_[1];
    case env::LaneKind::image:
      return *lanes_[2];
    case env::LaneKind::read:
      break;
  }
  CHECK(id.number < read_lanes_);
  return *lanes_[3 + id.number];
}

void ThreadLanes::run(env::LaneId id, env::Task work, env::Task done) {
  if (stopped_) return;
  lane(id).add(std::move(work), std::move(done));
}

void ThreadLanes::stop() {
  if (std::exchange(stopped_, true)) return;
  completions_->stopped = true;
  for (const auto& each : lanes_) each->ask_to_stop();
  for (const auto& each : lanes_) each->join();
  std::deque<env::Task> dropped;
  {
    const std::lock_guard lock(completions_->mutex);
    dropped.swap(completions_->finished);
  }
}

}  // namespace lockstep::host
