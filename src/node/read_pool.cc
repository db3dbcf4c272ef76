#include "node/read_pool.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace lockstep::node {
namespace {

constexpr std::size_t kReadsPerJobMax = 32;

}  // namespace

ReadPool::ReadPool(env::Env env, std::vector<std::unique_ptr<sql::Reader>> readers,
                   std::uint64_t queue_max, std::function<void(Error)> failed)
    : env_(env), failed_(std::move(failed)), queue_max_(queue_max) {
  CHECK(!readers.empty());
  for (auto& reader : readers) lanes_.push_back({.reader = std::move(reader)});
}

bool ReadPool::query(std::string command, std::move_only_function<void(sql::CommandResult)> done) {
  return add({std::move(command), std::move(done), nullptr});
}

bool ReadPool::classify(std::string command, std::move_only_function<void(bool)> done) {
  return add({std::move(command), nullptr, std::move(done)});
}

bool ReadPool::add(Job job) {
  if (queue_.size() >= queue_max_) return false;
  queue_.push_back(std::move(job));
  pump();
  return true;
}

void ReadPool::interrupt(Duration age) {
  for (Lane& lane : lanes_)
    if (lane.busy && env_.clock.now() - lane.since >= age) lane.reader->interrupt();
}

void ReadPool::retire() {
  for (const Lane& lane : lanes_) lane.reader->retire();
}

void ReadPool::pump() {
  for (unsigned lane = 0; lane < lanes_.size() && !queue_.empty(); ++lane) {
    if (lanes_[lane].busy) continue;
    // A fair share for each lane, so that one does not take all while another idles.
    const std::size_t share = (queue_.size() + lanes_.size() - 1) / lanes_.size();
    const std::size_t count = std::min(share, kReadsPerJobMax);
    std::vector<Job> jobs;
    for (std::size_t i = 0; i < count; ++i) {
      jobs.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    start(lane, std::move(jobs));
  }
}

void ReadPool::start(unsigned lane, std::vector<Job> jobs) {
  lanes_[lane].busy = true;
  lanes_[lane].since = env_.clock.now();
  // The lane reads the commands, the turn afterwards calls back; both through one shared vector,
  // never at the same time.
  auto shared = std::make_shared<std::vector<Job>>(std::move(jobs));
  env::run_on(
      env_.lanes, {env::LaneKind::read, lane},
      [reader = lanes_[lane].reader.get(), shared] {
        std::vector<Output> outputs(shared->size());
        for (std::size_t i = 0; i < shared->size(); ++i) {
          const auto& job = (*shared)[i];
          if (job.query_done) {
            outputs[i].result = reader->query(job.command);
          } else {
            outputs[i].read_only = reader->is_read_only(job.command);
          }
        }
        return outputs;
      },
      life_.guard([this, lane, shared](std::vector<Output> outputs) {
        for (auto& output : outputs)
          if (!output.result) return failed_(std::move(output.result).error());
        lanes_[lane].busy = false;
        pump();
        for (std::size_t i = 0; i < outputs.size(); ++i) {
          auto& job = (*shared)[i];
          if (job.query_done) {
            job.query_done(std::move(*outputs[i].result));
          } else {
            job.classify_done(outputs[i].read_only);
          }
        }
      }));
}

}  // namespace lockstep::node
