// The apply lane and read lanes as real threads over one database: readers must never see half a
// transaction. Run under ThreadSanitizer it also judges the lock table.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "tests/sql/support.h"

namespace lockstep::sql {
namespace {

// A disk in memory that threads may share; SimDisk belongs to one.
class ThreadDisk final : public env::Disk {
 public:
  Result<std::unique_ptr<env::File>> open(std::string_view name, env::OpenMode mode) override;
  Status remove(std::string_view name) override {
    const std::lock_guard guard(mutex_);
    files_.erase(std::string(name));
    return {};
  }
  Status rename(std::string_view from, std::string_view to) override {
    const std::lock_guard guard(mutex_);
    files_[std::string(to)] = files_[std::string(from)];
    files_.erase(std::string(from));
    return {};
  }
  Status sync_dir() override { return {}; }
  Result<std::vector<std::string>> list() override { return std::vector<std::string>(); }

 private:
  struct Content {
    std::mutex mutex;
    std::string bytes;
  };
  class Handle;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Content>, std::less<>> files_;
};

class ThreadDisk::Handle final : public env::File {
 public:
  explicit Handle(std::shared_ptr<Content> content) : content_(std::move(content)) {}
  Result<std::size_t> read(std::uint64_t offset, std::span<char> into) override {
    const std::lock_guard guard(content_->mutex);
    if (offset >= content_->bytes.size()) return std::size_t{0};
    return content_->bytes.copy(into.data(), into.size(), offset);
  }
  Status write(std::uint64_t offset, std::string_view bytes) override {
    const std::lock_guard guard(content_->mutex);
    if (content_->bytes.size() < offset + bytes.size())
      content_->bytes.resize(offset + bytes.size());
    content_->bytes.replace(offset, bytes.size(), bytes);
    return {};
  }
  Status sync() override { return {}; }
  Status truncate(std::uint64_t size) override {
    const std::lock_guard guard(content_->mutex);
    content_->bytes.resize(size);
    return {};
  }
  Result<std::uint64_t> size() override {
    const std::lock_guard guard(content_->mutex);
    return content_->bytes.size();
  }

 private:
  std::shared_ptr<Content> content_;
};

Result<std::unique_ptr<env::File>> ThreadDisk::open(std::string_view name, env::OpenMode mode) {
  const std::lock_guard guard(mutex_);
  auto found = files_.find(name);
  if (found == files_.end()) {
    if (mode == env::OpenMode::existing) return fail(Errc::not_found, std::string(name));
    found = files_.emplace(std::string(name), std::make_shared<Content>()).first;
  }
  return std::make_unique<Handle>(found->second);
}

TEST(Threads, readers_see_whole_transactions_beside_writer_and_checkpoints) {
  ThreadDisk disk;
  auto opened = Database::open(disk, {.seed = 1});
  ASSERT_TRUE(opened);
  Database& database = **opened;
  const std::vector<raft::Entry> setup{
      entry(1, command({"CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
                        "INSERT INTO t VALUES(1,0),(2,0),(3,0)"}))};
  ASSERT_TRUE(database.apply(setup));
  constexpr int kReaders = 2;
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < kReaders; ++i) {
    auto reader = database.new_reader();
    ASSERT_TRUE(reader);
    readers.push_back(std::move(*reader));
  }
  std::atomic<bool> stop = false;
  std::atomic<int> reads = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (auto& reader : readers) {
    threads.emplace_back([&stop, &reads, &wrong, &reader] {
      const std::string sum =
          command({"SELECT sum(v), sum(random()>0 OR 1) FROM t", "SELECT sum(v) FROM t"},
                  {.kind = wire::CommandKind::query, .transaction = true});
      while (!stop) {
        const std::string shown = show(reader->query(sum));
        // Every entry keeps the sum at zero.
        if (shown != "sum(v),sum(random()>0 OR 1) [,] 0,3; sum(v) [] 0") ++wrong;
        ++reads;
      }
    });
  }
  bool failed = false;
  for (std::uint64_t i = 2; (i < 400 || reads < 200) && !failed; ++i) {
    const std::string a = std::to_string(i % 3 + 1);
    const std::string b = std::to_string((i + 1) % 3 + 1);
    const std::vector<raft::Entry> move{
        entry(i, command({"UPDATE t SET v=v+5 WHERE id=" + a, "UPDATE t SET v=v-5 WHERE id=" + b},
                         {.transaction = true, .seed = i}))};
    failed = !database.apply(move);
    if (i % 10 == 0) failed = failed || !database.checkpoint();
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(failed);
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(reads, 200);
}

}  // namespace
}  // namespace lockstep::sql
