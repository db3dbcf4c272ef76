// ReadPool: runs read-only commands on the read lanes, each of which owns one reading connection. A
// lane takes several queued reads per job, so that a busy node pays one hand-over for many.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "env/lanes.h"
#include "node/lifeline.h"
#include "sql/database.h"

namespace lockstep::node {

class ReadPool {
 public:
  // One reader per read lane.
  ReadPool(env::Lanes& lanes, std::vector<std::unique_ptr<sql::Reader>> readers,
           std::uint64_t queue_max);

  // Runs the command on some lane; false (and nothing is called) if the queue is full.
  bool query(std::string command, std::move_only_function<void(sql::CommandResult)> done);
  bool classify(std::string command, std::move_only_function<void(bool)> done);

 private:
  struct Job {
    std::string command;
    // Exactly one of them is set.
    std::move_only_function<void(sql::CommandResult)> query_done;
    std::move_only_function<void(bool)> classify_done;
  };
  struct Output {
    sql::CommandResult result;
    bool read_only = false;
  };

  bool add(Job job);
  void pump();
  void start(unsigned lane, std::vector<Job> jobs);

  env::Lanes& lanes_;
  std::vector<std::unique_ptr<sql::Reader>> readers_;
  std::vector<bool> busy_;
  std::deque<Job> queue_;
  const std::uint64_t queue_max_;
  Lifeline life_;
};

}  // namespace lockstep::node
