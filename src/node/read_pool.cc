#include "node/read_pool.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace lockstep::node {
namespace {

constexpr std::size_t kReadsPerJobMax = 32;

}  // namespace

ReadPool::ReadPool(env::Lanes& lanes, std::vector<std::unique_ptr<sql::Reader>> readers,
                   std::uint64_t queue_max)
    : lanes_(lanes), readers_(std::move(readers)), busy_(readers_.size()), queue_max_(queue_max) {
  CHECK(!readers_.empty());
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

void ReadPool::pump() {
  for (unsigned lane = 0; lane < readers_.size() && !queue_.empty(); ++lane) {
    if (busy_[lane]) continue;
    // A fair share for each lane, so that one does not take all while another idles.
    const std::size_t share = (queue_.size() + readers_.size() - 1) / readers_.size();
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
  busy_[lane] = true;
  // The lane reads the commands, the turn afterwards calls back; both through one shared vector,
  // never at the same time.
  auto shared = std::make_shared<std::vector<Job>>(std::move(jobs));
  env::run_on(
      lanes_, {env::LaneKind::read, lane},
      [reader = readers_[lane].get(), shared] {
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
        busy_[lane] = false;
        pump();
        for (std::size_t i = 0; i < outputs.size(); ++i) {
          auto& job = (*shared)[i];
          if (job.query_done) {
            job.query_done(std::move(outputs[i].result));
          } else {
            job.classify_done(outputs[i].read_only);
          }
        }
      }));
}

}  // namespace lockstep::node
