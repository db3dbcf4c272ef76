#include "node/read_pool.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace lockstep::node {
namespace {

constexpr std::size_t kReadsPerJobMax = 32;
// A job that has taken this long is a long read's.
constexpr Duration kLongJob = milliseconds(10);

}  // namespace

ReadPool::ReadPool(env::Env env, std::vector<std::unique_ptr<sql::Reader>> readers, Options options,
                   std::function<void(Error)> failed)
    : env_(env),
      options_(options),
      failed_(std::move(failed)),
      watcher_(env, kLongJob, [this] { watch(); }) {
  CHECK(!readers.empty());
  CHECK(options_.at_once > 0);
  for (auto& reader : readers) lanes_.push_back({.reader = std::move(reader), .batch = nullptr});
}

bool ReadPool::query(std::string command, std::move_only_function<void(sql::CommandResult)> done) {
  return add({std::move(command), std::move(done), nullptr});
}

bool ReadPool::classify(std::string command, std::move_only_function<void(bool)> done) {
  return add({std::move(command), nullptr, std::move(done)});
}

bool ReadPool::add(Job job) {
  if (queue_.size() >= options_.queue_max) return false;
  queue_.push_back(std::move(job));
  pump();
  return true;
}

void ReadPool::interrupt(Duration age) {
  for (Lane& lane : lanes_)
    if (lane.batch && env_.clock.now() - lane.since >= age) lane.reader->interrupt();
}

void ReadPool::retire() {
  for (const Lane& lane : lanes_) lane.reader->retire();
}

bool ReadPool::is_long(const Lane& lane) const {
  return lane.batch && env_.clock.now() - lane.since >= kLongJob;
}

void ReadPool::pump() {
  const std::size_t at_once = std::min<std::size_t>(options_.at_once, lanes_.size());
  auto working = static_cast<std::size_t>(std::ranges::count_if(
      lanes_, [this](const Lane& lane) { return lane.batch && !is_long(lane); }));
  for (unsigned lane = 0; lane < lanes_.size() && !queue_.empty() && working < at_once; ++lane) {
    if (lanes_[lane].batch) continue;
    // A fair share for each lane, so that one does not take all while another idles.
    const std::size_t share = (queue_.size() + at_once - 1) / at_once;
    const std::size_t count = std::min(share, kReadsPerJobMax);
    std::vector<Job> jobs;
    for (std::size_t i = 0; i < count; ++i) {
      jobs.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    start(lane, std::move(jobs));
    ++working;
  }
}

void ReadPool::start(unsigned lane, std::vector<Job> jobs) {
  auto batch = std::make_shared<Batch>(std::move(jobs));
  lanes_[lane].batch = batch;
  lanes_[lane].since = env_.clock.now();
  watcher_.start();
  env::run_on(
      env_.lanes, {env::LaneKind::read, lane},
      [reader = lanes_[lane].reader.get(), batch = std::move(batch)] {
        return work(*reader, *batch);
      },
      life_.guard([this, lane](std::vector<Output> outputs) { finish(lane, std::move(outputs)); }));
}

// Read lane. Of the jobs it touches only what it has begun.
std::vector<ReadPool::Output> ReadPool::work(sql::Reader& reader, Batch& batch) {
  std::vector<Output> outputs;
  while (const auto i = batch.row.begin_next()) {
    const Job& job = batch.jobs[*i];
    Output& output = outputs.emplace_back();
    if (job.query_done) {
      output.result = reader.query(job.command);
    } else {
      output.read_only = reader.is_read_only(job.command);
    }
  }
  return outputs;
}

void ReadPool::finish(unsigned lane, std::vector<Output> outputs) {
  const auto batch = std::exchange(lanes_[lane].batch, nullptr);
  for (auto& output : outputs)
    if (!output.result) return failed_(std::move(output.result).error());
  pump();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    auto& job = batch->jobs[i];
    if (job.query_done) {
      job.query_done(std::move(*outputs[i].result));
    } else {
      job.classify_done(outputs[i].read_only);
    }
  }
}

void ReadPool::watch() {
  bool working = false;
  for (Lane& lane : lanes_) {
    if (is_long(lane)) take_back(lane);
    working = working || lane.batch;
  }
  if (!working) watcher_.stop();
  pump();
}

// A lane that has not begun at all waits for a processor, not for a read.
void ReadPool::take_back(Lane& lane) {
  if (lane.batch->row.begun() == 0) return;
  const auto rest = lane.batch->row.cut();
  for (std::size_t i = rest.end; i > rest.first; --i)
    queue_.push_front(std::move(lane.batch->jobs[i - 1]));
}

}  // namespace lockstep::node
