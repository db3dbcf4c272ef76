// The apply lane, the image lane and read lanes as real threads over one database: readers must
// never see half a transaction, nor may an image hold one. Run under ThreadSanitizer it also judges
// the locks.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/sql/image_source.h"
#include "tests/sql/thread_disk.h"

namespace lockstep::sql {
namespace {

constexpr char kWhole[] = "sum(v),count(*),min(length(b)) [,,] 0,3,3000; sum(v) [] 0";

// Every entry keeps the sum at zero.
std::string sum_command() {
  return command({"SELECT sum(v), count(*), min(length(b)) FROM t", "SELECT sum(v) FROM t"},
                 {.kind = wire::CommandKind::query, .transaction = true});
}

raft::Entry first_entry() {
  return entry(1, command({"CREATE TABLE t(id INTEGER PRIMARY KEY, v, b)",
                           "INSERT INTO t VALUES(1,0,zeroblob(3000)),(2,0,zeroblob(3000)),"
                           "(3,0,zeroblob(3000))"}));
}

raft::Entry move_entry(std::uint64_t i) {
  const std::string a = std::to_string(i % 3 + 1);
  const std::string b = std::to_string((i + 1) % 3 + 1);
  return entry(i, command({"UPDATE t SET v=v+5, b=randomblob(3000) WHERE id=" + a,
                           "UPDATE t SET v=v-5 WHERE id=" + b},
                          {.transaction = true, .seed = i}));
}

// What a node that received the image would answer.
std::string installed(const Image& image) {
  ThreadDisk disk;
  if (auto staged = stage(disk, image); !staged) return staged.error().text;
  if (auto done = install_image(disk, image.label, membership_of("a")); !done)
    return done.error().text;
  auto database = Database::open(disk, {.seed = 2});
  if (!database) return database.error().text;
  auto reader = (*database)->new_reader();
  return reader ? show((*reader)->query(sum_command()).value()) : reader.error().text;
}

class Threads : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = Database::open(disk_, {.seed = 1});
    ASSERT_TRUE(opened);
    database_ = std::move(*opened);
    const std::vector<raft::Entry> setup{first_entry()};
    ASSERT_TRUE(database_->apply(setup));
    for (int i = 0; i < 2; ++i) {
      auto reader = database_->new_reader();
      ASSERT_TRUE(reader);
      readers_.push_back(std::move(*reader));
    }
  }
  void read_all_the_time(Reader& reader) {
    while (!stop_) {
      const auto shown = reader.query(sum_command());
      if (!shown || show(*shown) != kWhole) ++wrong_;
      ++reads_;
    }
  }
  // The image lane: everything it ever does, again and again.
  void keep_durable() {
    for (int i = 0; !stop_; ++i) {
      Status done;
      if (i % 4 == 0) done = database_->durable_point();
      if (i % 4 == 1) done = database_->checkpoint(Checkpoint::beside_writer);
      if (i % 4 == 2) {
        done = database_->checkpoint(Checkpoint::restart_wal);
        if (database_->status().wal_bytes < 100'000) ++restarts_;
      }
      if (i % 4 == 3) done = take_image();
      if (!done) ++wrong_;
      ++image_jobs_;
    }
  }
  Status take_image() {
    TRY_ASSIGN(const ImageLabel label, database_->pin_image());
    const Image image = fetch(*database_, label, 4096, [] {});
    database_->unpin_image();
    if (installed(image) != kWhole) ++wrong_;
    return {};
  }

  ThreadDisk disk_;
  std::unique_ptr<Database> database_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> reads_ = 0;
  std::atomic<int> image_jobs_ = 0;
  std::atomic<int> wrong_ = 0;
  std::atomic<int> restarts_ = 0;
};

TEST_F(Threads, see_whole_transactions_beside_writer_checkpoints_and_images) {
  std::vector<std::thread> threads;
  for (auto& reader : readers_) threads.emplace_back([&] { read_all_the_time(*reader); });
  threads.emplace_back([&] { keep_durable(); });
  std::string failed;
  std::uint64_t last = 1;
  // On a busy machine it takes longer until the write-ahead file begins anew beside the reads.
  const auto enough = [&] {
    return last >= 400 && reads_ >= 200 && image_jobs_ >= 24 && restarts_ > 0;
  };
  while (failed.empty() && !enough() && last < 40'000) {
    const std::vector<raft::Entry> move{move_entry(++last)};
    if (auto done = database_->apply(move); !done) failed = done.error().text;
    if (database_->status().applied != LogIndex{last}) failed = "status() is behind";
  }
  stop_ = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failed, "");
  EXPECT_EQ(wrong_, 0);
  EXPECT_GT(restarts_, 0);  // although somebody reads at any moment
  readers_.clear();
  ASSERT_TRUE(database_->durable_point());
  database_.reset();
  auto again = Database::open(disk_, {.seed = 3});
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->status().applied, LogIndex{last});
}

// What statements draw and answer is the same whatever a checkpoint does to the WAL meanwhile.
TEST(ThreadsDeterminism, answers_do_not_depend_on_checkpoints_beside) {
  const Scenario scenario = make_scenario(400, 300);
  ThreadDisk disk;
  auto database = Database::open(disk, options_of(scenario, 1));
  ASSERT_TRUE(database);
  std::atomic<bool> stop = false;
  std::atomic<int> failed = 0;
  std::thread image_lane([&] {
    for (int i = 0; !stop; ++i) {
      const auto mode = i % 3 == 0 ? Checkpoint::restart_wal : Checkpoint::beside_writer;
      if (!(*database)->checkpoint(mode)) ++failed;
    }
  });
  for (std::uint64_t i = 0; i < scenario.commands.size(); ++i) {
    const std::vector<raft::Entry> one{entry(i + 1, scenario.commands[i])};
    const auto results = (*database)->apply(one);
    if (results)
      EXPECT_EQ(hash_of((*results)[0].result), scenario.results[i]) << "entry " << i + 1;
    else
      ++failed;
  }
  stop = true;
  image_lane.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ((*database)->content_hash().value(), scenario.content.back());
}

TEST_F(Threads, interrupt_ends_the_query_under_way_and_no_other) {
  const std::string endless =
      command({"SELECT 1",
               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT max(i) FROM n",
               "SELECT 2"},
              {.kind = wire::CommandKind::query, .transaction = true});
  std::thread other([&] {
    while (!stop_) readers_[0]->interrupt();
  });
  for (int i = 0; i < 50; ++i) {
    // It may come before the first statement, too.
    const std::string shown = show(readers_[0]->query(endless).value());
    const std::string end = std::string("?!") + kReadInterrupted;
    const bool good =
        shown == "1 [] 1; " + end + "; " + end || shown == end + "; " + end + "; " + end;
    EXPECT_TRUE(good) << shown;
  }
  stop_ = true;
  other.join();
  EXPECT_EQ(show(readers_[0]->query(sum_command()).value()), kWhole);
}

TEST_F(Threads, retiring_ends_an_endless_query) {
  std::atomic<bool> begun = false;
  std::thread other([&] {
    while (!begun) std::this_thread::yield();
    readers_[0]->retire();
  });
  begun = true;
  const std::string shown = show(readers_[0]
                                     ->query(command({"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                                                      "SELECT i+1 FROM n) SELECT max(i) FROM n"},
                                                     {.kind = wire::CommandKind::query}))
                                     .value());
  other.join();
  EXPECT_EQ(shown, std::string("?!") + kReadInterrupted);
}

}  // namespace
}  // namespace lockstep::sql
