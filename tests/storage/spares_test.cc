// Files of dropped segments used again: a new segment costs one small write, and what the file held
// before is never taken for a part of the log.
#include "storage/spares.h"

#include <gtest/gtest.h>

#include "base/codec.h"
#include "base/hash.h"
#include "storage/known_members.h"
#include "storage/log_format.h"
#include "tests/storage/support.h"

namespace lockstep::storage {
namespace {

using namespace test;
using sim::Loss;
using sim::SimDisk;

std::size_t spares_on(SimDisk& disk) {
  const auto names = *disk.list();
  return static_cast<std::size_t>(std::ranges::count_if(names, Spares::is_spare));
}

// The active segment stands on a file that held batches of `old_bytes` each; it has one batch.
void recycle(Bench& bench, std::size_t old_bytes) {
  while (bench.disk().list()->size() < 4) bench.batch(1, 1, old_bytes);
  const raft::Position last = bench.model.last();
  ASSERT_TRUE(bench.log().drop_through(last));
  ASSERT_EQ(spares_on(bench.disk()), kSparesMax);
  while (spares_on(bench.disk()) == kSparesMax) bench.batch(1, 2, old_bytes);
}

std::string active_bytes(Bench& bench) {
  std::string newest;
  const auto names = *bench.disk().list();
  for (const auto& name : names)
    if (segment_sequence(name)) newest = name;
  return *bench.disk().contents(newest);
}

TEST(Spares, a_new_segment_on_one_is_a_small_write_a_sync_and_a_rename) {
  Bench bench;
  while (bench.disk().list()->size() < 4) bench.batch(1, 1);
  ASSERT_TRUE(bench.log().drop_through(bench.model.last()));
  std::vector<std::string> seen;
  std::size_t bytes_written = 0;
  bench.disk().observe(
      [&](std::string_view op, std::string_view, std::uint64_t, std::string_view bytes) {
        seen.emplace_back(op);
        if (op == "write") bytes_written += bytes.size();
      });
  raft::Write cut = appending({command(2, 5, "new")});
  cut.truncate_after = LogIndex{bench.model.last_index() - 1};
  cut.entries[0].index = cut.truncate_after->next();
  bench.write(cut);
  EXPECT_EQ(seen, (std::vector<std::string>{"write", "sync", "rename", "sync_dir"}));
  EXPECT_EQ(bytes_written, 2 * kBlockBytes);
  seen.clear();
  bench.batch(1, 5);
  EXPECT_EQ(seen, (std::vector<std::string>{"write", "sync"}));
}

TEST(Spares, one_is_written_ahead_when_the_segment_is_half_full) {
  Bench bench;
  EXPECT_FALSE(bench.log().spare_wanted());
  while (!bench.log().spare_wanted()) bench.batch(1, 1);
  const SpareAhead spare = *bench.log().spare_wanted();
  EXPECT_LT(bench.disk().list()->size(), 2u) << "too late: the segment is full";
  ASSERT_TRUE(write_spare(bench.disk(), spare));
  ASSERT_TRUE(bench.log().add_spare(spare));
  EXPECT_FALSE(bench.log().spare_wanted());
  std::size_t bytes_most = 0;
  bench.disk().observe(
      [&](std::string_view op, std::string_view, std::uint64_t, std::string_view bytes) {
        if (op == "write") bytes_most = std::max(bytes_most, bytes.size());
      });
  while (spares_on(bench.disk()) > 0) bench.batch(1, 1);
  EXPECT_EQ(bytes_most, 2 * kBlockBytes);
  bench.reopen();
  bench.batch(1, 2);
  bench.close();
  EXPECT_TRUE(equals(*bench.open(), bench.model));
}

TEST(Spares, one_too_many_is_removed_and_a_half_written_one_is_written_again) {
  Bench bench;
  while (!bench.log().spare_wanted()) bench.batch(1, 1);
  const SpareAhead spare = *bench.log().spare_wanted();
  while (bench.disk().list()->size() < 4) bench.batch(1, 1);
  ASSERT_TRUE(bench.log().drop_through(bench.model.last()));
  ASSERT_EQ(spares_on(bench.disk()), kSparesMax);
  bench.disk().put(spare.name, std::string(100, 'x'));
  ASSERT_TRUE(write_spare(bench.disk(), spare));
  EXPECT_EQ(bench.disk().contents(spare.name), std::string(Bench::kSegment, '\0'));
  ASSERT_TRUE(bench.log().add_spare(spare));
  EXPECT_EQ(spares_on(bench.disk()), kSparesMax);
  EXPECT_FALSE(bench.disk().contents(spare.name));
}

TEST(Spares, one_that_finds_no_room_leaves_nothing) {
  Bench bench;
  while (!bench.log().spare_wanted()) bench.batch(1, 1);
  const SpareAhead spare = *bench.log().spare_wanted();
  bench.disk().set_full(true);
  const Status written = write_spare(bench.disk(), spare);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::no_space);
  EXPECT_EQ(spares_on(bench.disk()), 0u);
}

TEST(Spares, two_are_kept_of_the_usual_size) {
  Bench bench;
  bench.batch(1, 1, 50000);  // a segment of its own size
  while (bench.disk().list()->size() < 7) bench.batch(1, 1);
  ASSERT_TRUE(bench.log().drop_through(bench.model.last()));
  const auto names = *bench.disk().list();
  EXPECT_EQ(names.size(), 1 + kSparesMax);
  for (const auto& name : names)
    EXPECT_EQ(bench.disk().contents(name)->size(), Bench::kSegment) << name;
  // A batch that does not fit into one leaves them alone.
  bench.batch(1, 1, 50000);
  EXPECT_EQ(spares_on(bench.disk()), kSparesMax);
}

TEST(Spares, survive_a_restart_unless_they_do_not_fit) {
  Bench bench;
  while (bench.disk().list()->size() < 5) bench.batch(1, 1);
  ASSERT_TRUE(bench.log().drop_through(bench.model.last()));
  bench.close();
  bench.disk().put("tmp.spare-log-00000000000000aa", std::string(Bench::kSegment, 'x'));
  bench.disk().put("tmp.spare-other", std::string(100, 'x'));
  bench.reopen();
  EXPECT_EQ(spares_on(bench.disk()), kSparesMax);
  bench.close();
  static_cast<void>(open_log(bench.disk(), 2 * Bench::kSegment));
  EXPECT_EQ(spares_on(bench.disk()), 0u);
}

TEST(Spares, go_when_the_log_was_taken_away) {
  SimDisk disk(Rng(1));
  disk.put("tmp.spare-log-0000000000000001", std::string(16384, 'x'));
  EXPECT_TRUE(open_log(disk).created);
  EXPECT_EQ(spares_on(disk), 0u);
}

TEST(Spares, batches_of_an_earlier_life_are_no_batches) {
  Bench bench;
  recycle(bench, 10);
  const std::string bytes = active_bytes(bench);
  const auto header = decode_segment_header(bytes);
  const auto stale = decode_batch_header(std::string_view(bytes).substr(2 * kBlockBytes));
  ASSERT_TRUE(header && stale) << "nothing is left of the earlier life";
  ASSERT_NE(stale->salt, header->salt);
  bench.close();
  {
    const auto opened = bench.open();
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_FALSE(opened->torn_tail_cut);
    EXPECT_TRUE(equals(*opened, bench.model));
  }
  bench.reopen();
  bench.batch(1, 3);
  bench.close();
  EXPECT_TRUE(equals(*bench.open(), bench.model));
}

TEST(Spares, bodies_of_an_earlier_life_are_no_torn_tail) {
  Bench bench;
  recycle(bench, 10000);
  bench.close();
  bench.reopen();
  // The next block is in the middle of an old batch.
  bench.truncate(bench.model.last_index() - 1);
  bench.batch(1, 9);
  bench.close();
  const std::string bytes = active_bytes(bench);
  ASSERT_EQ(bytes[2 * kBlockBytes], 'x');
  const auto opened = bench.open();
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_FALSE(opened->torn_tail_cut);
  EXPECT_TRUE(equals(*opened, bench.model));
}

// Nothing in it is secret: a client can compute it and store it where a block of a batch begins.
std::string header_of_a_newer_version() {
  Encoder header;
  header.bytes(kBatchMagic);
  header.u32(kLogVersion + 1);
  for (int i = 0; i < 8; ++i) header.u64(1);
  header.u64(hash64(header.view()));
  return header.take();
}

// Else a row of such bytes would keep a node from starting, one log segment after it was written.
TEST(Spares, a_clients_bytes_are_no_batch_of_a_newer_version) {
  constexpr std::size_t kPayloadAt = kBatchHeaderBytes + 13;
  for (const std::uint64_t block :
       {1, 2}) {  // of the old batch: right behind the new one, or later
    SCOPED_TRACE(block);
    std::string payload(10000, 'x');
    payload.replace(block * kBlockBytes - kPayloadAt, kBatchHeaderBytes,
                    header_of_a_newer_version());
    Bench bench;
    const auto store = [&] {
      bench.write(appending({command(bench.model.last_index() + 1, 1, payload)}));
    };
    while (bench.disk().list()->size() < 4) store();
    ASSERT_TRUE(bench.log().drop_through(bench.model.last()));
    while (spares_on(bench.disk()) == kSparesMax) store();
    bench.truncate(bench.model.last_index() - 1);
    bench.batch(1, 2);
    bench.close();
    const std::string bytes = active_bytes(bench);
    ASSERT_EQ(bytes.substr((1 + block) * kBlockBytes, 4), kBatchMagic);
    EXPECT_EQ(known_members(bench.disk()), raft::Membership());
    const auto opened = bench.open();
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_FALSE(opened->torn_tail_cut);
    EXPECT_TRUE(equals(*opened, bench.model));
  }
}

TEST(Spares, a_torn_batch_on_one_is_cut) {
  Bench bench;
  recycle(bench, 10);
  const Model before = bench.model;
  bench.batch(1, 3);
  bench.close();
  std::string name;
  const auto names = *bench.disk().list();
  for (const auto& n : names)
    if (segment_sequence(n)) name = n;
  bench.disk().flip_bit(name, 2 * kBlockBytes + 90, 0);
  auto opened = bench.open();
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_TRUE(opened->torn_tail_cut);
  EXPECT_TRUE(equals(*opened, before));
}

// Else a reset log whose header rots would come back as the one of long ago.
TEST(Spares, the_first_batch_of_an_earlier_life_does_not_tell_what_a_lost_header_was) {
  Bench bench;
  for (int i = 0; i < 4; ++i) bench.batch(1, 1);
  ASSERT_TRUE(bench.log().drop_through({LogIndex{3}, Term{1}}));
  ASSERT_EQ(spares_on(bench.disk()), 1u);  // the very first segment
  ASSERT_TRUE(bench.log().reset({LogIndex{50}, Term{4}}, membership_of(1)));
  bench.close();
  const auto old = decode_batch_header(std::string_view(active_bytes(bench)).substr(kBlockBytes));
  ASSERT_TRUE(old);
  ASSERT_EQ(old->number, 1u);
  bench.disk().flip_bit(segment_name(3), 42, 0);
  EXPECT_EQ(bench.open().error().code, Errc::corrupt);
  EXPECT_EQ(bench.open(100).error().code, Errc::corrupt);
}

TEST(Spares, starts_that_share_a_seed_do_not_share_salts) {
  SimDisk disk(Rng(1));
  std::vector<std::uint64_t> salts;
  disk.observe([&](std::string_view op, std::string_view, std::uint64_t, std::string_view bytes) {
    if (op != "write") return;
    if (const auto header = decode_segment_header(bytes)) salts.push_back(header->salt);
  });
  Model model;
  for (int start = 0; start < 6; ++start) {
    auto opened = open_log(disk, 16384, 7);
    for (int i = 0; i < 4; ++i) {
      const auto write = appending({command(model.last_index() + 1, 1, "x")});
      ASSERT_TRUE(opened.log->append(write));
      model.apply(write);
    }
    ASSERT_TRUE(opened.log->drop_through(model.last()));
  }
  EXPECT_TRUE(equals(open_log(disk, 16384, 7), model));
  ASSERT_GT(salts.size(), 7u);
  std::ranges::sort(salts);
  EXPECT_EQ(std::ranges::adjacent_find(salts), salts.end());
}

// A sync fails, the process dies, and the batch stands in the cache of the operating system alone,
// before the rest of an old one: opening must not take that rest for proof that it was synced.
TEST(Spares, what_recovery_shows_is_durable_whatever_stands_behind_it) {
  unsigned shown = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Bench bench;
    recycle(bench, 10000);
    raft::Write cut;
    cut.truncate_after = bench.model.last().index.prev();
    bench.write(cut);
    bench.close();
    for (std::uint64_t i = 0; i < seed; ++i) bench.restore();  // another disk, other draws
    bench.reopen();
    bench.disk().fail_syncs(1);
    const auto lost = appending({command(bench.model.last_index() + 1, 9, "unsynced")});
    ASSERT_FALSE(bench.log().append(lost));
    bench.disk().kill_process();
    std::uint64_t last = 0;
    {
      const auto opened = bench.open();
      ASSERT_TRUE(opened) << opened.error().text;
      last = opened->recovered.base.index.value + opened->recovered.terms.size();
    }
    if (last > bench.model.last_index()) {
      bench.model.apply(lost);
      ++shown;
    }
    bench.disk().lose_power(Loss::all);
    const auto opened = bench.open();
    ASSERT_TRUE(opened) << opened.error().text;
    ASSERT_TRUE(equals(*opened, bench.model));
  }
  EXPECT_GT(shown, 10u);
}

}  // namespace
}  // namespace lockstep::storage
