// RaftLog without crashes: what is appended is read, truncated, dropped and found again.
#include "storage/raft_log.h"

#include <gtest/gtest.h>

#include "base/bugs.h"
#include "storage/log_format.h"
#include "storage/segment.h"
#include "storage/spares.h"
#include "tests/storage/support.h"

namespace lockstep::storage {
namespace {

using namespace test;
using sim::SimDisk;

// Appends and mirrors in the model.
void append(RaftLog& log, Model& model, const raft::Write& write) {
  const Status done = log.append(write);
  ASSERT_TRUE(done) << done.error().text;
  model.apply(write);
}

TEST(RaftLog, a_new_log_is_empty_and_says_so) {
  SimDisk disk(Rng(1));
  EXPECT_TRUE(open_log(disk).created);
  const auto again = open_log(disk);
  EXPECT_FALSE(again.created);
  EXPECT_FALSE(again.torn_tail_cut);
  EXPECT_TRUE(equals(again, Model{}));
}

TEST(RaftLog, entries_of_every_kind_come_back) {
  SimDisk disk(Rng(1));
  Model model;
  {
    auto opened = open_log(disk);
    append(*opened.log, model, appending({config(1, 1, 7)}));
    append(*opened.log, model,
           appending({{Term{2}, LogIndex{2}, raft::EntryKind::noop, Blob()},
                      command(3, 2, std::string("a\0b", 3)),
                      command(4, 3, "")}));
  }
  EXPECT_TRUE(equals(open_log(disk), model));
}

TEST(RaftLog, what_could_not_be_opened_again_is_not_written) {
  SimDisk disk(Rng(1));
  Model model;
  {
    auto opened = open_log(disk);
    const raft::Position near{LogIndex{kLogCounterMax - 1}, Term{1}};
    ASSERT_TRUE(opened.log->reset(near, membership_of(5)));
    model.reset(near, membership_of(5));
    append(*opened.log, model, appending({command(kLogCounterMax, 1, "the last one")}));
    const Status more = opened.log->append(appending({command(kLogCounterMax + 1, 1, "more")}));
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code, Errc::invalid);
  }
  auto opened = open_log(disk);
  EXPECT_TRUE(equals(opened, model));
  const Status beyond = opened.log->reset({LogIndex{kLogCounterMax + 1}, Term{1}}, {});
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, Errc::invalid);
  EXPECT_TRUE(equals(open_log(disk), model));
}

TEST(RaftLog, a_write_without_entries_changes_nothing) {
  SimDisk disk(Rng(1));
  Model model;
  auto opened = open_log(disk);
  append(*opened.log, model, appending({command(1, 1, "a")}));
  const auto before = disk.operations();
  raft::Write write;
  write.hard = raft::HardState{.term = Term{9}, .vote = {}};
  write.truncate_after = LogIndex{1};
  append(*opened.log, model, write);
  EXPECT_EQ(disk.operations(), before);
}

TEST(RaftLog, a_batch_on_written_blocks_is_one_write_and_one_sync) {
  SimDisk disk(Rng(1));
  Model model;
  auto opened = open_log(disk);
  std::vector<std::string> seen;
  disk.observe([&](std::string_view op, std::string_view, std::uint64_t, std::string_view) {
    seen.emplace_back(op);
  });
  append(*opened.log, model, appending({command(1, 1, "a"), command(2, 1, "b")}));
  EXPECT_EQ(seen, (std::vector<std::string>{"write", "sync"}));
}

TEST(RaftLog, segments_roll_and_large_batches_get_a_segment_of_their_size) {
  SimDisk disk(Rng(1));
  Model model;
  {
    auto opened = open_log(disk);
    for (std::uint64_t i = 1; i <= 20; ++i)
      append(*opened.log, model, appending({command(i, 1, std::string(3000, 'x'))}));
    append(*opened.log, model, appending({command(21, 1, std::string(100000, 'y'))}));
    append(*opened.log, model, appending({command(22, 2, "z")}));
    EXPECT_EQ((*opened.log->read(LogIndex{1}, LogIndex{23}, ~std::uint64_t{0})), model.entries);
  }
  EXPECT_GT(disk.list()->size(), 6u);
  EXPECT_TRUE(equals(open_log(disk, 65536), model));
}

TEST(RaftLog, truncation_overrides_also_across_segments) {
  SimDisk disk(Rng(1));
  Model model;
  {
    auto opened = open_log(disk);
    for (std::uint64_t i = 1; i <= 12; ++i)
      append(*opened.log, model,
             appending({i == 5 ? config(i, 1, 1) : command(i, 1, std::string(2000, 'x'))}));
    auto write = appending({config(4, 2, 2), command(5, 2, "new")});
    write.truncate_after = LogIndex{3};
    append(*opened.log, model, write);
    append(*opened.log, model, appending({command(6, 2, "more")}));
    raft::Write cut;
    cut.truncate_after = LogIndex{5};
    append(*opened.log, model, cut);
    append(*opened.log, model, appending({command(6, 4, "again")}));
    EXPECT_EQ((*opened.log->read(LogIndex{3}, LogIndex{7}, 1u << 20)),
              std::vector<raft::Entry>(model.entries.begin() + 2, model.entries.end()));
  }
  EXPECT_TRUE(equals(open_log(disk), model));
}

TEST(RaftLog, read_stops_at_the_byte_limit_but_gives_one_entry) {
  SimDisk disk(Rng(1));
  Model model;
  auto opened = open_log(disk);
  append(*opened.log, model,
         appending({command(1, 1, std::string(100, 'a')), command(2, 1, std::string(100, 'b'))}));
  append(*opened.log, model, appending({command(3, 1, std::string(100, 'c'))}));
  const auto count = [&](std::uint64_t first, std::uint64_t end, std::uint64_t bytes) {
    return opened.log->read(LogIndex{first}, LogIndex{end}, bytes)->size();
  };
  EXPECT_EQ(count(1, 4, 0), 1u);
  EXPECT_EQ(count(1, 4, 100), 1u);
  EXPECT_EQ(count(1, 4, 200), 2u);
  EXPECT_EQ(count(1, 4, 299), 2u);
  EXPECT_EQ(count(1, 4, 300), 3u);
  EXPECT_EQ(count(2, 3, 1000), 1u);
}

TEST(RaftLog, dropping_forgets_whole_segments_and_keeps_the_membership) {
  SimDisk disk(Rng(1));
  Model model;
  {
    auto opened = open_log(disk);
    append(*opened.log, model, appending({config(1, 1, 1)}));
    for (std::uint64_t i = 2; i <= 20; ++i)
      append(*opened.log, model, appending({command(i, 1, std::string(3000, 'x'))}));
    const auto before = disk.list()->size();
    ASSERT_TRUE(opened.log->drop_through({LogIndex{11}, Term{1}}));
    EXPECT_LT(disk.list()->size(), before);
    // What is above the base stays readable.
    EXPECT_EQ((*opened.log->read(LogIndex{12}, LogIndex{21}, 1u << 20)).size(), 9u);
    ASSERT_TRUE(opened.log->drop_through({LogIndex{11}, Term{1}}));
    append(*opened.log, model, appending({command(21, 2, "more")}));
  }
  {
    const auto opened = open_log(disk);
    EXPECT_GT(opened.recovered.base.index, LogIndex{0});
    EXPECT_LE(opened.recovered.base.index, LogIndex{11});
    EXPECT_EQ(opened.recovered.base_membership, membership_of(1));
    EXPECT_TRUE(equals(opened, model));
    ASSERT_TRUE(opened.log->drop_through({LogIndex{21}, Term{2}}));
  }
  EXPECT_EQ(disk.list()->size(), 1 + kSparesMax);
  EXPECT_TRUE(equals(open_log(disk), model));
}

TEST(RaftLog, a_full_disk_appends_nothing_and_is_no_end) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimDisk disk{Rng(seed)};
    Model model;
    {
      auto opened = open_log(disk);
      append(*opened.log, model, appending({command(1, 1, "a")}));
      disk.set_full(true);
      // Into blocks that are there already: no space is needed.
      append(*opened.log, model, appending({command(2, 1, "b")}));
      const auto large = appending({command(3, 2, std::string(50000, 'c'))});
      EXPECT_EQ(opened.log->append(large).error().code, Errc::no_space);
      auto cutting = appending({command(2, 2, "d")});
      cutting.truncate_after = LogIndex{1};
      EXPECT_EQ(opened.log->append(cutting).error().code, Errc::no_space);
      EXPECT_EQ((*opened.log->read(LogIndex{1}, LogIndex{3}, 1000)), model.entries);
      disk.set_full(false);
      append(*opened.log, model, cutting);
      append(*opened.log, model, large);
    }
    EXPECT_TRUE(equals(open_log(disk), model));
    const auto names = *disk.list();
    for (const auto& name : names) EXPECT_FALSE(name.starts_with("tmp.")) << name;
  }
}

TEST(RaftLog, a_failed_write_is_final) {
  SimDisk disk(Rng(1));
  auto opened = open_log(disk);
  disk.fail_writes(1);
  EXPECT_EQ(opened.log->append(appending({command(1, 1, "a")})).error().code, Errc::io);
  EXPECT_EQ(opened.log->append(appending({command(1, 1, "a")})).error().code, Errc::io);
  EXPECT_EQ(opened.log->drop_through({LogIndex{0}, Term{0}}).error().code, Errc::io);
}

TEST(RaftLog, leaves_files_of_others_alone_and_removes_unfinished_segments) {
  SimDisk disk(Rng(1));
  disk.put("tmp.log-0000000000000007", "half");
  disk.put("tmp.image", "not ours");
  disk.put("log-xyz", "not ours");
  open_log(disk);
  EXPECT_EQ(*disk.list(),
            (std::vector<std::string>{"log-0000000000000001", "log-xyz", "tmp.image"}));
}

TEST(RaftLog, a_missing_segment_is_corruption) {
  SimDisk disk(Rng(1));
  Model model;
  {
    auto opened = open_log(disk);
    for (std::uint64_t i = 1; i <= 12; ++i)
      append(*opened.log, model, appending({command(i, 1, std::string(3000, 'x'))}));
  }
  ASSERT_TRUE(disk.remove(segment_name(2)));
  const auto opened = RaftLog::open(disk, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  EXPECT_NE(opened.error().text.find(segment_name(2)), std::string::npos);
}

// As a follower far behind is sent it, by two that catch up at the same time; and what replaces it
// is not taken for it.
TEST(RaftLog, a_batch_that_is_read_in_parts_is_read_once) {
  SimDisk disk(Rng(1));
  auto opened = open_log(disk);
  Model model;
  std::vector<raft::Entry> entries;
  for (std::uint64_t i = 1; i <= 100; ++i) entries.push_back(command(i, 1, std::string(30, 'x')));
  append(*opened.log, model, appending(entries));
  append(*opened.log, model, appending({command(101, 1, "y")}));
  int reads = 0;
  disk.observe([&](std::string_view op, std::string_view, std::uint64_t, std::string_view) {
    reads += op == "read" ? 1 : 0;
  });
  for (std::uint64_t first = 1; first <= 91; first += 10)
    for (const std::uint64_t from : {first, first + 3}) {
      const std::uint64_t end = std::min<std::uint64_t>(from + 10, 101);
      EXPECT_EQ(*opened.log->read(LogIndex{from}, LogIndex{end}, UINT64_MAX),
                model.range(from, end));
    }
  EXPECT_EQ(reads, 1);
  raft::Write other;
  other.truncate_after = LogIndex{50};
  for (std::uint64_t i = 51; i <= 100; ++i) other.entries.push_back(command(i, 2, "other"));
  append(*opened.log, model, other);
  EXPECT_EQ(*opened.log->read(LogIndex{40}, LogIndex{60}, UINT64_MAX), model.range(40, 60));
}

class BugGuard {
 public:
  explicit BugGuard(Bug bug) { switch_bug_on(bug); }
  ~BugGuard() { switch_bug_on(Bug::none); }
};

TEST(RaftLog, bug_sync_error_ignored_takes_a_failed_sync_for_done) {
  const BugGuard bug(Bug::sync_error_ignored);
  SimDisk disk(Rng(1));
  auto opened = open_log(disk);
  disk.fail_syncs(1);
  EXPECT_TRUE(opened.log->append(appending({command(1, 1, "a")})));
  disk.fail_syncs(1);
  EXPECT_TRUE(opened.log->append(appending({command(2, 1, std::string(50000, 'b'))})));
}

TEST(SegmentName, round_trips_and_rejects_others) {
  EXPECT_EQ(segment_name(0xabc), "log-0000000000000abc");
  EXPECT_EQ(segment_sequence("log-0000000000000abc"), 0xabcu);
  EXPECT_EQ(segment_sequence("log-0000000000000ABC"), std::nullopt);
  EXPECT_EQ(segment_sequence("log-abc"), std::nullopt);
  EXPECT_EQ(segment_sequence("tmp.log-0000000000000abc"), std::nullopt);
}

}  // namespace
}  // namespace lockstep::storage
