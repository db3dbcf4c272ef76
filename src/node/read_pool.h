// ReadPool: runs read-only commands on the read lanes, each of which owns one reading connection. A
// lane takes several queued reads per job, so that a busy node pays one hand-over for many.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "env/env.h"
#include "node/lifeline.h"
#include "sql/database.h"

namespace lockstep::node {

class ReadPool {
 public:
  // One reader per read lane.
  // `failed`: a read found the disk broken or the database damaged; final.
  ReadPool(env::Env env, std::vector<std::unique_ptr<sql::Reader>> readers, std::uint64_t queue_max,
           std::function<void(Error)> failed);

  // Runs the command on some lane; false (and nothing is called) if the queue is full. After a
  // failure `done` is dropped.
  bool query(std::string command, std::move_only_function<void(sql::CommandResult)> done);
  bool classify(std::string command, std::move_only_function<void(bool)> done);
  // Ends the queries of jobs that have been running for `age` or longer.
  void interrupt(Duration age);
  // Ends all queries for good, those to come as well.
  void retire();

 private:
  struct Job {
    std::string command;
    // Exactly one of them is set.
    std::move_only_function<void(sql::CommandResult)> query_done;
    std::move_only_function<void(bool)> classify_done;
  };
  struct Output {
    Result<sql::CommandResult> result;
    bool read_only = false;
  };
  struct Lane {
    std::unique_ptr<sql::Reader> reader;
    bool busy = false;
    TimePoint since{};
  };

  bool add(Job job);
  void pump();
  void start(unsigned lane, std::vector<Job> jobs);

  env::Env env_;
  std::vector<Lane> lanes_;
  std::function<void(Error)> failed_;
  std::deque<Job> queue_;
  const std::uint64_t queue_max_;
  Lifeline life_;
};

}  // namespace lockstep::node
