// ReadPool: runs read-only commands on the read lanes, each of which owns one reading connection. A
// lane takes several queued reads per job, so that a busy node pays one hand-over for many.
//
// So many lanes work at once as the machine has cores for. A read that takes long no longer counts
// among them, and reads that it would have kept waiting in its job go back to the queue: another
// lane, kept in reserve maybe, takes its place.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/env.h"
#include "node/lifeline.h"
#include "node/ticker.h"
#include "sql/database.h"
#include "sql/lane_locks.h"

namespace lockstep::node {

class ReadPool {
 public:
  struct Options {
    unsigned at_once = 1;         // lanes that work at once, long reads not counted; at least 1
    std::uint64_t queue_max = 0;  // reads that wait
  };
  // One reader per read lane.
  // `failed`: a read found the disk broken or the database damaged; final.
  ReadPool(env::Env env, std::vector<std::unique_ptr<sql::Reader>> readers, Options options,
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
  // What a lane was given. The turns may take back what it has not begun.
  struct Batch {
    explicit Batch(std::vector<Job> all) : jobs(std::move(all)), row(jobs.size()) {}
    std::vector<Job> jobs;
    sql::JobRow row;
  };
  struct Lane {
    std::unique_ptr<sql::Reader> reader;
    std::shared_ptr<Batch> batch;  // under way
    TimePoint since{};
  };

  bool add(Job job);
  void pump();
  [[nodiscard]] bool is_long(const Lane& lane) const;
  void start(unsigned lane, std::vector<Job> jobs);
  static std::vector<Output> work(sql::Reader& reader, Batch& batch);
  void finish(unsigned lane, std::vector<Output> outputs);
  void watch();
  void take_back(Lane& lane);

  env::Env env_;
  const Options options_;
  std::vector<Lane> lanes_;
  std::function<void(Error)> failed_;
  std::deque<Job> queue_;
  Ticker watcher_;  // while a lane works
  Lifeline life_;
};

}  // namespace lockstep::node
