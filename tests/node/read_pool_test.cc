// Who waits for a long read: its own client, and nobody else.
#include "node/read_pool.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/disk.h"
#include "tests/manual_turns.h"

namespace lockstep::node {
namespace {

// A lane's job runs when the test says so.
class ManualLanes final : public env::Lanes {
 public:
  static constexpr unsigned kLanes = 4;
  void run(env::LaneId lane, env::Task work, env::Task done) override {
    EXPECT_FALSE(jobs_[lane.number]);
    jobs_[lane.number] = Job{std::move(work), std::move(done)};
  }
  [[nodiscard]] unsigned read_lanes() const override { return kLanes; }
  [[nodiscard]] bool has_job(unsigned lane) { return jobs_[lane].has_value(); }
  void finish(unsigned lane) {
    ASSERT_TRUE(jobs_[lane]);
    jobs_[lane]->work();
    Job job = std::move(*std::exchange(jobs_[lane], std::nullopt));
    job.done();
  }

 private:
  struct Job {
    env::Task work;
    env::Task done;
  };
  std::map<unsigned, std::optional<Job>> jobs_;
};

class NoPeers final : public env::Peers {
  void send(const std::string&, std::string) override {}
};
class NoLog final : public LogSink {
  void write(LogLevel, std::string_view, std::string_view) override {}
};

// Answers a command with its own text. In the middle of a long one, `meanwhile` happens.
class SlowReader final : public sql::Reader {
 public:
  explicit SlowReader(const std::function<void()>& meanwhile) : meanwhile_(meanwhile) {}
  Result<sql::CommandResult> query(std::string_view command) override {
    if (command.starts_with("long")) meanwhile_();
    return sql::CommandResult{.statements = {}, .error = std::string(command)};
  }
  bool is_read_only(std::string_view) override { return true; }
  void interrupt() override {}
  void retire() override {}

 private:
  const std::function<void()>& meanwhile_;
};

class LongReads : public testing::Test {
 protected:
  void begin(unsigned at_once) {
    std::vector<std::unique_ptr<sql::Reader>> readers;
    for (unsigned i = 0; i < ManualLanes::kLanes; ++i)
      readers.push_back(std::make_unique<SlowReader>(meanwhile_));
    pool_.emplace(env::Env{clock_, turns_, lanes_, disk_, peers_, log_}, std::move(readers),
                  ReadPool::Options{.at_once = at_once, .queue_max = 100},
                  [](const Error& error) { FAIL() << error.text; });
  }
  void ask(const std::string& command) {
    EXPECT_TRUE(pool_->query(
        command, [this](const sql::CommandResult& result) { answered_.push_back(result.error); }));
  }
  std::vector<unsigned> busy() {
    std::vector<unsigned> found;
    for (unsigned i = 0; i < ManualLanes::kLanes; ++i)
      if (lanes_.has_job(i)) found.push_back(i);
    return found;
  }

  ManualClock clock_;
  ManualTurns turns_{clock_};
  ManualLanes lanes_;
  sim::SimDisk disk_{Rng(1)};
  NoPeers peers_;
  NoLog log_;
  std::function<void()> meanwhile_ = [] {};
  std::vector<std::string> answered_;
  std::optional<ReadPool> pool_;
};

using Lanes = std::vector<unsigned>;
using Answers = std::vector<std::string>;

TEST_F(LongReads, short_ones_use_no_lane_in_reserve) {
  begin(2);
  for (int i = 0; i < 6; ++i) ask(std::to_string(i));
  EXPECT_EQ(busy(), (Lanes{0, 1}));
  while (!busy().empty()) {
    EXPECT_LE(busy().back(), 1u);
    lanes_.finish(busy().back());
  }
  EXPECT_EQ(answered_.size(), 6u);
}

TEST_F(LongReads, a_lane_in_reserve_takes_the_place_of_one_with_a_long_read) {
  begin(1);
  meanwhile_ = [this] {
    ask("a");
    EXPECT_EQ(busy(), (Lanes{0}));
    ASSERT_TRUE(turns_.run_next());
    EXPECT_EQ(busy(), (Lanes{0, 1}));
    lanes_.finish(1);
    // From then on at once.
    ask("b");
    lanes_.finish(1);
    EXPECT_EQ(answered_, (Answers{"a", "b"}));
  };
  ask("long");
  lanes_.finish(0);
  EXPECT_EQ(answered_, (Answers{"a", "b", "long"}));
}

TEST_F(LongReads, reads_behind_a_long_one_in_its_job_go_elsewhere) {
  begin(1);
  ask("0");
  for (const char* command : {"a", "long", "b", "c"}) ask(command);
  lanes_.finish(0);
  // The job is all four; in the middle of its second the time comes to look.
  meanwhile_ = [this] {
    while (!lanes_.has_job(1)) ASSERT_TRUE(turns_.run_next());
    // What was taken back is not there a second time.
    ASSERT_TRUE(turns_.run_next());
    EXPECT_EQ(busy(), (Lanes{0, 1}));
    lanes_.finish(1);
    EXPECT_EQ(answered_, (Answers{"0", "b", "c"}));
  };
  lanes_.finish(0);
  EXPECT_EQ(answered_, (Answers{"0", "b", "c", "a", "long"}));
}

TEST_F(LongReads, a_lane_that_has_not_begun_keeps_what_it_has) {
  begin(1);
  ask("a");
  ASSERT_TRUE(turns_.run_next());
  lanes_.finish(0);
  EXPECT_EQ(answered_, (Answers{"a"}));
}

TEST_F(LongReads, nothing_is_watched_when_nothing_is_read) {
  begin(2);
  ask("a");
  lanes_.finish(0);
  EXPECT_TRUE(turns_.run_next());
  EXPECT_FALSE(turns_.run_next());
}

}  // namespace
}  // namespace lockstep::node
