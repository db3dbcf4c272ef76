#include "host/thread_lanes.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/check.h"
#include "host/loop.h"

namespace lockstep::host {

namespace {

// A job of up to this long costs the strand less than it saves.
constexpr auto kShortJobMax = milliseconds(1);
// After a longer one so many go to the lane's own thread: what is slow now is slow for a while.
constexpr unsigned kJobsAfterALongOne = 8;
// A lone request takes some five turns from job to job. A strand is busy that had many more of them
// since the lane's last job, at a higher rate than this.
constexpr std::uint64_t kIdleTurnsMax = 24;
constexpr Duration kIdleTurnInterval = microseconds(100);

}  // namespace

// Finished jobs on their way back to the strand thread; shared by all lanes, and kept alive by a
// wake-up that is still under way when the lanes are gone.
struct ThreadLanes::Completions : std::enable_shared_from_this<Completions> {
  explicit Completions(Loop& owner) : loop(owner) {}

  Loop& loop;
  std::mutex mutex;
  struct Finished {
    Lane* lane;
    env::Task done;
  };
  std::deque<Finished> finished;
  bool wake_up_posted = false;
  bool stopped = false;

  // Lane threads, and one that was the strand's.
  void add(Lane& lane, env::Task done) {
    {
      const std::lock_guard lock(mutex);
      finished.push_back({&lane, std::move(done)});
      if (std::exchange(wake_up_posted, true)) return;
    }
    loop.post_from_any_thread([self = shared_from_this()] { self->deliver(); });
  }

  // Strand thread. Unless stopped, the lanes are there.
  void deliver();
};

// One lane's jobs are done by its thread or, one at a time and only while the thread has none, by
// the strand thread.
class ThreadLanes::Lane final : public IdleJob {
 public:
  Lane(Completions& completions, const std::string& name, bool offers)
      : completions_(completions), offers_(offers), thread_([this] { serve(); }) {
    (void)::pthread_setname_np(thread_.native_handle(), name.c_str());
  }

  // Strand thread.
  void add(env::Task work, env::Task done) {
    Job job{std::move(work), std::move(done)};
    if (offered_) {
      completions_.loop.withdraw(*this);
      pass_on();
    }
    const bool alone = undelivered_++ == 0;
    if (alone && may_offer() && completions_.loop.offer(*this)) {
      offered_ = std::move(job);
    } else {
      queue(std::move(job));
    }
  }
  // Strand thread: the next `done` is about to run.
  void delivered() { --undelivered_; }

  // What is queued and offered is dropped, and destroyed by the caller's thread, the strand's.
  void ask_to_stop() {
    if (std::exchange(offered_, std::nullopt)) completions_.loop.withdraw(*this);
    {
      const std::lock_guard lock(mutex_);
      stopping_.store(true, std::memory_order_relaxed);
    }
    wake_up_.notify_all();
  }
  void join() {
    thread_.join();
    std::unique_lock lock(mutex_);
    wake_up_.wait(lock, [this] { return !lent_; });
    jobs_.clear();
  }

  [[nodiscard]] Counts counts() const { return {.here = here_, .elsewhere = elsewhere_}; }

 private:
  struct Job {
    env::Task work;
    env::Task done;
  };

  // Whether the strand could as well do it, and jobs were short lately.
  bool may_offer() {
    if (!offers_ || strand_is_busy()) return false;
    const unsigned slow = slow_.load(std::memory_order_relaxed);
    if (slow > 0) slow_.store(slow - 1, std::memory_order_relaxed);
    return slow == 0;
  }

  bool strand_is_busy() {
    const Loop& loop = completions_.loop;
    const std::uint64_t turns = loop.turn() - std::exchange(last_turn_, loop.turn());
    const Duration time = loop.now() - std::exchange(last_time_, loop.now());
    return turns > kIdleTurnsMax && time < kIdleTurnInterval * static_cast<Duration::rep>(turns);
  }

  void queue(Job job) {
    ++elsewhere_;
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    wake_up_.notify_all();
  }

  // IdleJob. While the job is lent out to the strand thread the lane's own thread waits: the strand
  // may have gone on with another thread and queued more.
  void begin_here() override {
    ++here_;
    running_ = std::move(*offered_);
    offered_.reset();
    const std::lock_guard lock(mutex_);
    lent_ = true;
  }
  void work_here() override { run(running_); }
  void done_here() override {
    {
      const std::lock_guard lock(mutex_);
      lent_ = false;
    }
    delivered();
    env::Task done = std::move(running_.done);
    done();
  }
  // One step, seen from the lane's thread and from the strand, which may go on at once.
  void done_late() override {
    const std::lock_guard lock(mutex_);
    completions_.add(*this, std::move(running_.done));
    lent_ = false;
    wake_up_.notify_all();
  }
  void pass_on() override {
    Job job = std::move(*offered_);
    offered_.reset();
    queue(std::move(job));
  }

  void run(Job& job) {
    const auto began = std::chrono::steady_clock::now();
    job.work();
    job.work = nullptr;
    if (std::chrono::steady_clock::now() - began > kShortJobMax)
      slow_.store(kJobsAfterALongOne, std::memory_order_relaxed);
  }

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
          wake_up_.wait(lock, [&] {
            return (!jobs_.empty() && !lent_) || stopping_.load(std::memory_order_relaxed);
          });
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
      run(job);
      completions_.add(*this, std::move(job.done));
    }
  }

  Completions& completions_;
  const bool offers_;
  // The strand's.
  std::optional<Job> offered_;
  std::uint64_t undelivered_ = 0;  // jobs whose `done` has not begun to run
  std::uint64_t last_turn_ = 0;    // of the last job that came alone
  TimePoint last_time_{};
  std::uint64_t here_ = 0;
  std::uint64_t elsewhere_ = 0;
  // The lending thread's, between begin_here() and done_here() or done_late().
  Job running_;

  std::atomic<unsigned> slow_ = 0;  // so many more jobs are not offered
  std::mutex mutex_;
  std::condition_variable wake_up_;
  std::deque<Job> jobs_;
  bool lent_ = false;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;  // last: it uses the members above
};

void ThreadLanes::Completions::deliver() {
  std::deque<Finished> round;
  {
    const std::lock_guard lock(mutex);
    wake_up_posted = false;
    round.swap(finished);
  }
  while (!round.empty() && !stopped) {
    Finished next = std::move(round.front());
    round.pop_front();
    loop.begin_turn();
    next.lane->delivered();
    next.done();
  }
}

ThreadLanes::ThreadLanes(Loop& loop, unsigned read_lanes)
    : read_lanes_(read_lanes), completions_(std::make_shared<Completions>(loop)) {
  CHECK(read_lanes_ >= 1);
  const auto add = [this](const std::string& name, bool offers) {
    lanes_.push_back(std::make_unique<Lane>(*completions_, name, offers));
  };
  add("log", true);
  add("apply", true);
  add("image", false);
  for (unsigned k = 0; k < read_lanes_; ++k) add("read" + std::to_string(k), true);
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

ThreadLanes::Counts ThreadLanes::counts(env::LaneId id) {
  return lane(id).counts();
}

void ThreadLanes::stop() {
  if (std::exchange(stopped_, true)) return;
  completions_->stopped = true;
  for (const auto& each : lanes_) each->ask_to_stop();
  for (const auto& each : lanes_) each->join();
  std::deque<Completions::Finished> dropped;
  {
    const std::lock_guard lock(completions_->mutex);
    dropped.swap(completions_->finished);
  }
}

}  // namespace lockstep::host
