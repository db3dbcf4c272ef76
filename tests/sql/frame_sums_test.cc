#include "sql/frame_sums.h"

#include <gtest/gtest.h>

#include "base/bugs.h"
#include "sim/disk.h"
#include "sql/vfs.h"
#include "sql/wal_format.h"

namespace lockstep::sql {
namespace {

constexpr std::uint64_t kFrameBytes = kWalFrameHeaderBytes + kPageBytes;

// A write-ahead file, written as SQLite does: header, then per frame its header and its page.
struct Wal {
  Wal() : disk(Rng(1)) {
    plain = std::move(*disk.open(kWalName, env::OpenMode::create));
    file = sums.guard(std::move(*disk.open(kWalName, env::OpenMode::existing)));
  }
  void begin() { ASSERT_TRUE(file->write(0, std::string(kWalHeaderBytes, 'h'))); }
  static std::uint64_t frame_at(std::uint64_t frame) {
    return kWalHeaderBytes + (frame - 1) * kFrameBytes;
  }
  void append(std::uint64_t frame, char fill) {
    ASSERT_TRUE(file->write(frame_at(frame), std::string(kWalFrameHeaderBytes, fill)));
    ASSERT_TRUE(file->write(frame_at(frame) + kWalFrameHeaderBytes, std::string(kPageBytes, fill)));
  }
  // The bytes, or "corrupt".
  std::string read(std::uint64_t offset, std::size_t bytes) {
    std::string buffer(bytes, '\0');
    const auto got = file->read(offset, buffer);
    if (!got) return got.error().code == Errc::corrupt ? "corrupt" : "failed";
    return buffer.substr(0, *got);
  }
  void flip(std::uint64_t offset) { disk.flip_bit(kWalName, offset, 2); }

  sim::SimDisk disk;
  FrameSums sums;
  std::unique_ptr<env::File> plain;
  std::unique_ptr<env::File> file;
};

TEST(FrameSums, any_flipped_bit_is_noticed_by_any_read_that_touches_its_part) {
  Wal wal;
  wal.begin();
  wal.append(1, 'a');
  wal.append(2, 'b');
  const std::uint64_t size = Wal::frame_at(3);
  const std::string all = wal.read(0, size);
  ASSERT_EQ(all.size(), size);
  for (std::uint64_t offset = 0; offset < size; offset += 3) {
    wal.flip(offset);
    ASSERT_EQ(wal.read(0, size), "corrupt") << offset;
    ASSERT_EQ(wal.read(offset, 1), "corrupt") << offset;
    wal.flip(offset);
  }
  // What is not touched is not read.
  wal.flip(Wal::frame_at(2) + 100);
  EXPECT_EQ(wal.read(0, Wal::frame_at(2) + kWalFrameHeaderBytes).size(),
            Wal::frame_at(2) + kWalFrameHeaderBytes);
  EXPECT_EQ(wal.read(Wal::frame_at(2) + 16, 8), "bbbbbbbb");
}

// The sync lost what was written since the last one: a new start replays it, no peer has to help.
TEST(FrameSums, what_a_failed_sync_has_lost_is_a_failure_of_the_disk) {
  Wal wal;
  wal.begin();
  wal.append(1, 'a');
  ASSERT_TRUE(wal.file->sync());
  wal.append(2, 'b');
  wal.disk.fail_syncs(1);
  ASSERT_FALSE(wal.file->sync());
  wal.flip(Wal::frame_at(2));
  EXPECT_EQ(wal.read(Wal::frame_at(2), kFrameBytes), "failed");
}

TEST(FrameSums, reads_across_parts_and_past_the_end_give_the_bytes) {
  Wal wal;
  wal.begin();
  wal.append(1, 'a');
  wal.append(2, 'b');
  EXPECT_EQ(wal.read(30, 4), "hhaa");
  EXPECT_EQ(wal.read(Wal::frame_at(2) - 2, 4), "aabb");
  EXPECT_EQ(wal.read(Wal::frame_at(3) - 2, 100), "bb");
  EXPECT_EQ(wal.read(Wal::frame_at(3), 100), "");
  EXPECT_EQ(wal.read(Wal::frame_at(7) + 1, 100), "");
}

TEST(FrameSums, a_new_header_or_a_cut_forgets_the_frames_behind_it) {
  Wal wal;
  wal.begin();
  for (std::uint64_t frame = 1; frame <= 4; ++frame) wal.append(frame, 'a');
  for (std::uint64_t frame = 1; frame <= 4; ++frame) wal.flip(Wal::frame_at(frame) + 50);
  ASSERT_TRUE(wal.file->truncate(Wal::frame_at(4)));
  EXPECT_EQ(wal.read(Wal::frame_at(4), kFrameBytes), "");
  EXPECT_EQ(wal.read(Wal::frame_at(3), kFrameBytes), "corrupt");
  ASSERT_TRUE(wal.file->truncate(Wal::frame_at(3) + 30));
  EXPECT_EQ(wal.read(Wal::frame_at(3), kFrameBytes).size(), 30u);
  EXPECT_EQ(wal.read(Wal::frame_at(2), kFrameBytes), "corrupt");
  wal.begin();
  EXPECT_EQ(wal.read(Wal::frame_at(2), kFrameBytes).size(), kFrameBytes);
  wal.append(1, 'c');
  EXPECT_EQ(wal.read(Wal::frame_at(1) + kWalFrameHeaderBytes, kPageBytes),
            std::string(kPageBytes, 'c'));
}

TEST(FrameSums, a_frame_written_again_in_part_or_without_success_is_unknown) {
  Wal wal;
  wal.begin();
  wal.append(1, 'a');
  wal.append(2, 'a');
  ASSERT_TRUE(wal.file->write(Wal::frame_at(1) + 500, "xyz"));
  EXPECT_EQ(wal.read(Wal::frame_at(1) + 499, 5), "axyza");
  wal.disk.fail_writes(1);
  ASSERT_FALSE(wal.file->write(Wal::frame_at(2) + kWalFrameHeaderBytes, std::string(4096, 'b')));
  wal.flip(Wal::frame_at(2) + 500);
  EXPECT_EQ(wal.read(Wal::frame_at(2), kFrameBytes).size(), kFrameBytes);
  wal.flip(Wal::frame_at(2));
  EXPECT_EQ(wal.read(Wal::frame_at(2), kFrameBytes), "corrupt");
}

TEST(FrameSums, a_lost_end_is_noticed) {
  Wal wal;
  wal.begin();
  wal.append(1, 'a');
  ASSERT_TRUE(wal.plain->truncate(2000));
  EXPECT_EQ(wal.read(Wal::frame_at(1), kFrameBytes), "corrupt");
}

TEST(FrameSums, the_switchable_bug_serves_it) {
  Wal wal;
  wal.begin();
  wal.append(1, 'a');
  wal.flip(Wal::frame_at(1) + 100);
  switch_bug_on(Bug::page_sums_ignored);
  EXPECT_EQ(wal.read(Wal::frame_at(1), kFrameBytes).size(), kFrameBytes);
  switch_bug_on(Bug::none);
}

}  // namespace
}  // namespace lockstep::sql
