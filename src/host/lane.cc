#include "host/lane.h"

#include <pthread.h>

#include <chrono>
#include <utility>

#include "base/check.h"

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

void Completions::add(Lane& lane, env::Task done) {
  {
    const std::lock_guard lock(mutex_);
    finished_.push_back({&lane, std::move(done)});
    if (std::exchange(wake_up_posted_, true)) return;
  }
  loop.post_from_any_thread([self = shared_from_this()] { self->deliver(); });
}

// Strand thread. Unless stopped, the lanes are there.
void Completions::deliver() {
  std::deque<Finished> round;
  {
    const std::lock_guard lock(mutex_);
    wake_up_posted_ = false;
    round.swap(finished_);
  }
  while (!round.empty() && !stopped_) {
    Finished next = std::move(round.front());
    round.pop_front();
    loop.begin_turn();
    next.lane->delivered();
    next.done();
  }
}

void Completions::drop() {
  std::deque<Finished> dropped;
  const std::lock_guard lock(mutex_);
  dropped.swap(finished_);
}

Lane::Lane(Completions& completions, Traits traits)
    : completions_(completions), traits_(std::move(traits)) {
  start_thread();
}

void Lane::start_thread() {
  thread_ = std::thread([this] { serve(); });
  (void)::pthread_setname_np(thread_.native_handle(), traits_.name.c_str());
}

void Lane::add(env::Task work, env::Task done) {
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

// The strand thread gives way to nobody, so what it starts does not either.
void Lane::delivered() {
  --undelivered_;
  if (!gone_.exchange(false, std::memory_order_relaxed)) return;
  thread_.detach();
  start_thread();
}

void Lane::ask_to_stop() {
  if (std::exchange(offered_, std::nullopt)) completions_.loop.withdraw(*this);
  {
    const std::lock_guard lock(mutex_);
    stopping_.store(true, std::memory_order_relaxed);
  }
  wake_up_.notify_all();
}

void Lane::join() {
  thread_.join();
  std::unique_lock lock(mutex_);
  wake_up_.wait(lock, [this] { return !lent_; });
  jobs_.clear();
}

// Whether the strand could as well do it, and jobs were short lately.
bool Lane::may_offer() {
  if (!traits_.offers || strand_is_busy()) return false;
  const unsigned slow = slow_.load(std::memory_order_relaxed);
  if (slow > 0) slow_.store(slow - 1, std::memory_order_relaxed);
  return slow == 0;
}

bool Lane::strand_is_busy() {
  const Loop& loop = completions_.loop;
  const std::uint64_t turns = loop.turn() - std::exchange(last_turn_, loop.turn());
  const Duration time = loop.now() - std::exchange(last_time_, loop.now());
  return turns > kIdleTurnsMax && time < kIdleTurnInterval * static_cast<Duration::rep>(turns);
}

void Lane::queue(Job job) {
  ++elsewhere_;
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_up_.notify_all();
}

// While the job is lent out to the strand thread the lane's own thread waits: the strand may have
// gone on with another thread and queued more.
void Lane::begin_here() {
  ++here_;
  running_ = std::move(*offered_);
  offered_.reset();
  const std::lock_guard lock(mutex_);
  lent_ = true;
}

void Lane::done_here() {
  // give_way() is the strand's to call, and the strand was with this thread.
  CHECK(thread_here_ == Thread::fresh);
  {
    const std::lock_guard lock(mutex_);
    lent_ = false;
  }
  delivered();
  env::Task done = std::move(running_.done);
  done();
}

// One step, seen from the lane's thread and from the strand, which may go on at once.
bool Lane::done_late() {
  const bool fresh = thread_here_ == Thread::fresh;
  const std::lock_guard lock(mutex_);
  completions_.add(*this, std::move(running_.done));
  lent_ = false;
  wake_up_.notify_all();
  return fresh;
}

void Lane::pass_on() {
  Job job = std::move(*offered_);
  offered_.reset();
  queue(std::move(job));
}

Lane::Thread Lane::run(Job& job) {
  const auto began = JobWatch::Clock::now();
  if (traits_.gives_way) watch_.begin(began);
  job.work();
  job.work = nullptr;
  if (JobWatch::Clock::now() - began > kShortJobMax)
    slow_.store(kJobsAfterALongOne, std::memory_order_relaxed);
  return traits_.gives_way && !watch_.end() ? Thread::spent : Thread::fresh;
}

void Lane::serve() {
  std::deque<Job> round;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      // Dropped jobs go back to the queue: their tasks are the strand thread's to destroy.
      if (stopping_.load(std::memory_order_relaxed)) return leave(round);
      if (round.empty()) {
        wake_up_.wait(lock, [&] {
          return (!jobs_.empty() && !lent_) || stopping_.load(std::memory_order_relaxed);
        });
        round.swap(jobs_);
        continue;
      }
    }
    if (run_all(round) == Thread::spent) return;
  }
}

Lane::Thread Lane::run_all(std::deque<Job>& round) {
  while (!round.empty() && !stopping_.load(std::memory_order_relaxed)) {
    Job job = std::move(round.front());
    round.pop_front();
    if (run(job) == Thread::spent) {
      // The strand starts another thread when it hears of this job. Once the lock is let go, this
      // one touches nothing of the lane.
      const std::lock_guard lock(mutex_);
      leave(round);
      gone_.store(true, std::memory_order_relaxed);
      completions_.add(*this, std::move(job.done));
      return Thread::spent;
    }
    completions_.add(*this, std::move(job.done));
  }
  return Thread::fresh;
}

// With the lock.
void Lane::leave(std::deque<Job>& round) {
  while (!round.empty()) {
    jobs_.push_front(std::move(round.back()));
    round.pop_back();
  }
}

}  // namespace lockstep::host
