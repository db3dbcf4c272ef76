// Page and frame checksums by themselves: what they notice, what they keep on disk, and what they
// write of it. The database on top is judged by bit_flip_test and sums_crash_test.
#include "sql/page_sums.h"

#include <gtest/gtest.h>

#include "base/codec.h"
#include "base/hash.h"
#include "sim/disk.h"
#include "sql/frame_sums.h"
#include "sql/vfs.h"

namespace lockstep::sql {
namespace {

std::string page_of(std::uint64_t seed) {
  Rng rng(seed);
  Encoder out;
  while (out.size() < kPageBytes) out.u64(rng.next());
  return out.take();
}

// A main file of `count` pages, written through the checksums.
struct Main {
  explicit Main(sim::SimDisk& on) : disk(on) {
    plain = std::move(*disk.open(kMainName, env::OpenMode::create));
    file = sums.guard(std::move(*disk.open(kMainName, env::OpenMode::existing)));
  }
  void write(std::uint32_t page, std::uint64_t seed) {
    ASSERT_TRUE(file->write((page - 1) * std::uint64_t{kPageBytes}, page_of(seed)));
  }
  void fill(std::uint32_t count) {
    for (std::uint32_t page = 1; page <= count; ++page) write(page, page);
  }
  Result<std::string> read(std::uint64_t offset, std::size_t bytes) {
    std::string buffer(bytes, '\0');
    TRY_ASSIGN(const std::size_t got, file->read(offset, buffer));
    return buffer.substr(0, got);
  }
  Status scrub() { return PageSums::scrub(*file, 1, 100'000); }

  sim::SimDisk& disk;
  PageSums sums;
  std::unique_ptr<env::File> plain;
  std::unique_ptr<env::File> file;
};

// What a start after a state with `wal` finds.
Status load(Main& main, std::uint8_t named, std::uint32_t pages, const WalContents& wal = {}) {
  return main.sums.load(main.disk, named, pages, wal);
}

bool is_corrupt(const auto& result) {
  return !result && result.error().code == Errc::corrupt;
}

TEST(SumTable, forgets_what_is_cut_and_knows_the_rest) {
  SumTable table;
  for (std::uint64_t i = 0; i < 100; ++i) table.set(i, i + 1);
  for (const std::uint64_t cut : {99, 64, 33, 32, 31, 1, 0}) {
    table.cut(cut);
    for (std::uint64_t i = 0; i < 110; ++i) EXPECT_EQ(table.get(i), i < cut ? i + 1 : 0) << cut;
  }
}

TEST(SumsChunk, any_flipped_bit_and_any_other_number_is_noticed) {
  SumsChunk sums{};
  for (std::uint64_t i = 0; i < 300; ++i) sums[i] = hash64("x", i);
  std::string bytes;
  encode_sums_chunk(3, sums, bytes);
  ASSERT_EQ(bytes.size(), kSumsChunkBytes);
  ASSERT_EQ(*decode_sums_chunk(3, bytes), sums);
  EXPECT_TRUE(is_corrupt(decode_sums_chunk(4, bytes)));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    ASSERT_TRUE(is_corrupt(decode_sums_chunk(3, bytes))) << bit;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  }
}

TEST(SumsChunk, bytes_are_pinned_and_a_newer_version_is_refused) {
  SumsChunk sums{};
  for (std::uint64_t i = 0; i < kSumsPerChunk; ++i) sums[i] = i * 3;
  std::string bytes;
  encode_sums_chunk(1, sums, bytes);
  EXPECT_EQ(hash64(bytes), 15760545149925927800u);
  bytes[12] = 2;
  Encoder checksum;
  checksum.u64(hash64(std::string_view(bytes).substr(8), 1));
  bytes.replace(0, 8, checksum.view());
  EXPECT_EQ(decode_sums_chunk(1, bytes).error().code, Errc::invalid);
}

TEST(PageSums, a_flipped_bit_is_noticed_by_any_read_that_touches_the_page) {
  sim::SimDisk disk(Rng(1));
  Main main(disk);
  main.fill(3);
  ASSERT_EQ(*main.read(0, 3 * kPageBytes), page_of(1) + page_of(2) + page_of(3));
  EXPECT_EQ(*main.read(24, 16), page_of(1).substr(24, 16));
  EXPECT_EQ(*main.read(kPageBytes - 1, 2), page_of(1).substr(4095) + page_of(2).substr(0, 1));
  EXPECT_EQ(*main.read(3 * kPageBytes - 5, 100), page_of(3).substr(4091));
  EXPECT_EQ(*main.read(5 * kPageBytes, kPageBytes), "");
  disk.flip_bit(kMainName, kPageBytes + 4000, 5);
  EXPECT_TRUE(main.read(0, kPageBytes));
  EXPECT_TRUE(is_corrupt(main.read(kPageBytes, kPageBytes)));
  EXPECT_TRUE(is_corrupt(main.read(kPageBytes, 100)));
  EXPECT_TRUE(is_corrupt(main.read(0, 2 * kPageBytes)));
  EXPECT_TRUE(is_corrupt(main.read(2 * kPageBytes - 1, 2)));
  EXPECT_EQ(main.scrub().error().text, "db.sqlite: page 2 is not what was written there");
  EXPECT_TRUE(PageSums::scrub(*main.file, 3, 1));
  main.write(2, 77);
  EXPECT_TRUE(main.scrub());
}

TEST(PageSums, a_page_at_the_place_of_another_is_noticed) {
  sim::SimDisk disk(Rng(1));
  Main main(disk);
  main.fill(3);
  ASSERT_TRUE(main.plain->write(kPageBytes, page_of(3)));
  EXPECT_TRUE(is_corrupt(main.read(kPageBytes, kPageBytes)));
}

TEST(PageSums, a_lost_end_is_noticed_and_a_cut_one_is_not) {
  sim::SimDisk disk(Rng(1));
  Main main(disk);
  main.fill(3);
  ASSERT_TRUE(main.file->truncate(2 * kPageBytes));
  EXPECT_EQ(*main.read(2 * kPageBytes, kPageBytes), "");
  ASSERT_TRUE(main.plain->truncate(kPageBytes));
  EXPECT_TRUE(is_corrupt(main.read(kPageBytes, kPageBytes)));
}

TEST(PageSums, a_gap_is_known_to_be_zeros) {
  sim::SimDisk disk(Rng(1));
  Main main(disk);
  main.fill(1);
  main.write(4, 4);
  ASSERT_TRUE(main.file->truncate(6 * kPageBytes));
  EXPECT_TRUE(main.scrub());
  for (const std::uint64_t page : {1, 2, 4, 5}) {
    disk.flip_bit(kMainName, page * kPageBytes + 9, 0);
    EXPECT_TRUE(is_corrupt(main.scrub())) << page;
    disk.flip_bit(kMainName, page * kPageBytes + 9, 0);
  }
}

TEST(PageSums, a_failed_write_leaves_the_page_unknown) {
  sim::SimDisk disk(Rng(1));
  Main main(disk);
  main.fill(2);
  disk.fail_writes(1);
  ASSERT_FALSE(main.file->write(0, page_of(9)));
  disk.flip_bit(kMainName, 1, 1);
  EXPECT_TRUE(main.scrub());
  main.write(1, 9);
  disk.flip_bit(kMainName, 1, 1);
  EXPECT_TRUE(is_corrupt(main.scrub()));
}

TEST(PageSums, the_files_are_written_in_turn_and_only_what_changed) {
  sim::SimDisk disk(Rng(1));
  constexpr std::uint32_t kPages = 3 * kSumsPerChunk - 7;
  std::vector<std::string> written;
  Main main(disk);
  main.fill(kPages);
  ASSERT_TRUE(main.sums.create(disk, kPages));
  EXPECT_EQ(disk.contents("sums-0")->size(), 3 * kSumsChunkBytes);
  EXPECT_EQ(disk.contents("sums-1")->size(), 0u);
  disk.observe([&](std::string_view op, std::string_view file, std::uint64_t offset,
                   std::string_view bytes) {
    if (op == "write" && file.starts_with("sums"))
      written.push_back(std::string(file) + " " + std::to_string(offset / kSumsChunkBytes) + "+" +
                        std::to_string(bytes.size() / kSumsChunkBytes));
  });
  const auto store = [&](std::uint8_t named) {
    written.clear();
    EXPECT_EQ(*main.sums.store(named, kPages), 1 - named);
    return written;
  };
  using Writes = std::vector<std::string>;
  EXPECT_EQ(store(0), (Writes{"sums-1 0+3"}));
  main.write(kSumsPerChunk, 5);
  EXPECT_EQ(store(1), (Writes{"sums-0 0+1"}));
  main.write(kPages, 6);
  EXPECT_EQ(store(0), (Writes{"sums-1 0+1", "sums-1 2+1"}));
  EXPECT_EQ(store(1), (Writes{"sums-0 2+1"}));
  EXPECT_EQ(store(0), Writes{});
  EXPECT_EQ(disk.contents("sums-0"), disk.contents("sums-1"));
}

TEST(PageSums, both_files_shrink_with_the_main_file) {
  sim::SimDisk disk(Rng(1));
  constexpr std::uint32_t kLong = kSumsPerChunk + 90;
  constexpr std::uint32_t kShort = kSumsPerChunk - 5;
  {
    Main main(disk);
    main.fill(kLong);
    ASSERT_TRUE(main.sums.create(disk, kLong));
    ASSERT_EQ(*main.sums.store(0, kLong), 1);
    ASSERT_TRUE(main.file->truncate(kShort * std::uint64_t{kPageBytes}));
    ASSERT_EQ(*main.sums.store(1, kShort), 0);
    ASSERT_EQ(*main.sums.store(0, kShort), 1);
  }
  for (const std::uint8_t named : {std::uint8_t{0}, std::uint8_t{1}}) {
    Main main(disk);
    EXPECT_TRUE(load(main, named, kShort));
    EXPECT_TRUE(main.scrub());
  }
}

TEST(PageSums, a_start_takes_over_the_named_file) {
  sim::SimDisk disk(Rng(1));
  constexpr std::uint32_t kPages = kSumsPerChunk + 2;
  {
    Main main(disk);
    main.fill(kPages);
    ASSERT_TRUE(main.sums.create(disk, kPages));
    main.write(1, 50);
    ASSERT_EQ(*main.sums.store(0, kPages), 1);
  }
  Main right(disk);
  ASSERT_TRUE(load(right, 1, kPages));
  EXPECT_TRUE(right.scrub());
  disk.flip_bit(kMainName, (kPages - 1) * std::uint64_t{kPageBytes}, 7);
  EXPECT_TRUE(is_corrupt(right.scrub()));
  disk.flip_bit(kMainName, (kPages - 1) * std::uint64_t{kPageBytes}, 7);
  Main old(disk);
  ASSERT_TRUE(load(old, 0, kPages));
  EXPECT_TRUE(is_corrupt(old.scrub()));
  Main short_of_one(disk);
  EXPECT_TRUE(is_corrupt(load(short_of_one, 1, kPages - 1)));
  Main one_too_long(disk);
  EXPECT_TRUE(is_corrupt(load(one_too_long, 1, kPages + 1)));
}

TEST(PageSums, a_named_file_that_is_missing_or_damaged_is_corruption_and_the_other_no_matter) {
  sim::SimDisk disk(Rng(1));
  {
    Main main(disk);
    main.fill(2);
    ASSERT_TRUE(main.sums.create(disk, 2));
  }
  const std::string good = *disk.contents("sums-0");
  const std::string bad[] = {"", good.substr(1), good.substr(0, 4095), good + "x", good + good};
  for (const std::string& bytes : bad) {
    disk.put("sums-0", bytes);
    Main main(disk);
    EXPECT_TRUE(is_corrupt(load(main, 0, 2))) << bytes.size();
  }
  disk.put("sums-0", good);
  disk.put("sums-1", "nonsense");
  {
    Main main(disk);
    ASSERT_TRUE(load(main, 0, 2));
    ASSERT_EQ(*main.sums.store(0, 2), 1);
    EXPECT_EQ(disk.contents("sums-1"), good);
  }
  ASSERT_TRUE(disk.remove("sums-1"));
  {
    Main main(disk);
    ASSERT_TRUE(load(main, 0, 2));
    ASSERT_EQ(*main.sums.store(0, 2), 1);
    EXPECT_EQ(disk.contents("sums-1"), good);
  }
  ASSERT_TRUE(disk.remove("sums-0"));
  Main main(disk);
  EXPECT_TRUE(is_corrupt(load(main, 0, 2)));
}

TEST(PageSums, pages_in_the_wal_are_unknown_until_written) {
  sim::SimDisk disk(Rng(1));
  {
    Main main(disk);
    main.fill(4);
    ASSERT_TRUE(main.sums.create(disk, 4));
    // A checkpoint, cut short: one page half copied, one new.
    ASSERT_TRUE(main.plain->write(kPageBytes + 512, page_of(8).substr(0, 512)));
    ASSERT_TRUE(main.plain->write(4 * kPageBytes, page_of(5)));
  }
  Main main(disk);
  ASSERT_TRUE(load(main, 0, 5, {.pages = {2, 5, 2}, .database_pages = 5}));
  EXPECT_TRUE(main.scrub());
  main.write(2, 2);
  disk.flip_bit(kMainName, kPageBytes, 0);
  EXPECT_TRUE(is_corrupt(main.scrub()));
  // Pages that the state needs and only the main file could have.
  Main lost(disk);
  EXPECT_TRUE(is_corrupt(load(lost, 0, 3, {.pages = {2, 5}, .database_pages = 5})));
  Main cut(disk);
  EXPECT_TRUE(load(cut, 0, 3, {.pages = {2}, .database_pages = 3}));
}

TEST(PageSums, a_full_disk_is_tried_again) {
  sim::SimDisk disk(Rng(1));
  Main main(disk);
  main.fill(kSumsPerChunk);
  ASSERT_TRUE(main.sums.create(disk, kSumsPerChunk));
  main.write(kSumsPerChunk + 1, 1);
  disk.set_full(true);
  EXPECT_EQ(main.sums.store(0, kSumsPerChunk + 1).error().code, Errc::no_space);
  disk.set_full(false);
  ASSERT_EQ(*main.sums.store(0, kSumsPerChunk + 1), 1);
  Main again(disk);
  EXPECT_TRUE(load(again, 1, kSumsPerChunk + 1));
  EXPECT_TRUE(again.scrub());
}

TEST(PageSums, are_made_for_a_file_that_came_whole) {
  sim::SimDisk disk(Rng(1));
  std::string bytes;
  for (std::uint64_t page = 1; page <= 150; ++page) bytes += page_of(page);
  disk.put(kMainName, bytes);
  disk.put("sums-1", "of the database before");
  {
    auto plain = std::move(*disk.open(kMainName, env::OpenMode::existing));
    ASSERT_TRUE(PageSums::rebuild(disk, *plain));
  }
  disk.lose_power(sim::Loss::all);
  Main main(disk);
  ASSERT_TRUE(load(main, 0, 150));
  EXPECT_TRUE(main.scrub());
  for (const std::uint64_t offset : {std::uint64_t{0}, bytes.size() - 1}) {
    disk.flip_bit(kMainName, offset, 3);
    EXPECT_TRUE(is_corrupt(main.scrub()));
    disk.flip_bit(kMainName, offset, 3);
  }
}

}  // namespace
}  // namespace lockstep::sql
