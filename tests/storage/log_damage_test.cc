// Damage at every byte: a bad last batch is a torn tail and cut; a bad batch that must have been
// complete is corruption, changes nothing on the disk, and is named.
#include <gtest/gtest.h>

#include "base/bugs.h"
#include "base/codec.h"
#include "base/hash.h"
#include "storage/log_format.h"
#include "storage/segment.h"
#include "tests/storage/support.h"

namespace lockstep::storage {
namespace {

using namespace test;
using sim::SimDisk;

class LogDamage : public testing::Test {
 protected:
  LogDamage() {
    auto opened = open_log(disk_);
    add(*opened.log, {config(1, 1, 1)});
    add(*opened.log, {command(2, 1, std::string(300, 'a')), command(3, 1, "b")});
    add(*opened.log, {command(4, 1, "last")});
    files_.push_back(*disk_.contents(segment_name(1)));
  }
  ~LogDamage() override { switch_bug_on(Bug::none); }

  void add(RaftLog& log, std::vector<raft::Entry> entries) {
    const auto write = appending(std::move(entries));
    ASSERT_TRUE(log.append(write));
    model_.apply(write);
    models_.push_back(model_);
  }
  // Three more batches: the second does not fit and starts segment 2.
  void fill_second_segment() {
    auto opened = open_log(disk_);
    add(*opened.log, {command(5, 1, std::string(3000, 'c'))});
    add(*opened.log, {command(6, 1, "d"), command(7, 2, "e")});
    files_ = {*disk_.contents(segment_name(1)), *disk_.contents(segment_name(2))};
  }

  // The log with file `sequence` replaced.
  Result<RaftLog::Opened> open_with(std::uint64_t sequence, std::string bytes) {
    disk_ = std::make_unique<SimDisk>(Rng(1));
    for (std::size_t i = 0; i < files_.size(); ++i)
      disk_->put(segment_name(i + 1), i + 1 == sequence ? bytes : files_[i]);
    return RaftLog::open(*disk_, {.segment_bytes = 16384, .seed = 2});
  }
  void expect_corrupt(std::uint64_t sequence, std::string bytes) {
    const auto opened = open_with(sequence, bytes);
    ASSERT_FALSE(opened) << "taken for good";
    EXPECT_EQ(opened.error().code, Errc::corrupt) << opened.error().text;
    EXPECT_NE(opened.error().text.find("log-"), std::string::npos) << opened.error().text;
    EXPECT_EQ(disk_->contents(segment_name(sequence)), bytes) << "changed";
  }
  void expect_cut(std::uint64_t sequence, std::string bytes, const Model& left, bool torn = true) {
    {
      auto opened = open_with(sequence, std::move(bytes));
      ASSERT_TRUE(opened) << opened.error().text;
      EXPECT_EQ(opened->torn_tail_cut, torn);
      EXPECT_TRUE(equals(*opened, left));
      ASSERT_TRUE(opened->log->append(appending({command(left.entries.size() + 1, 9, "new")})));
    }
    Model model = left;
    model.apply(appending({command(left.entries.size() + 1, 9, "new")}));
    auto again = open_log(*disk_);
    EXPECT_FALSE(again.torn_tail_cut);
    EXPECT_TRUE(equals(again, model));
  }

  struct DiskRef {
    std::unique_ptr<SimDisk> disk = std::make_unique<SimDisk>(Rng(1));
    operator SimDisk&() const { return *disk; }
    SimDisk* operator->() const { return disk.get(); }
    SimDisk& operator*() const { return *disk; }
    DiskRef& operator=(std::unique_ptr<SimDisk> other) {
      disk = std::move(other);
      return *this;
    }
    std::optional<std::string> contents(const std::string& name) const {
      return disk->contents(name);
    }
  } disk_;
  Model model_;
  std::vector<Model> models_;  // after each batch
  std::vector<std::string> files_;
};

std::string flipped(std::string bytes, std::uint64_t offset, unsigned bit) {
  bytes[offset] = static_cast<char>(static_cast<unsigned char>(bytes[offset]) ^ (1u << bit));
  return bytes;
}

// How many bytes of the batch at `offset` its checksums cover.
std::uint64_t covered(const std::string& file, std::uint64_t offset) {
  return kBatchHeaderBytes + decode_batch_header(std::string_view(file).substr(offset))->body_bytes;
}

TEST_F(LogDamage, any_byte_of_the_last_batch_makes_it_a_torn_tail) {
  const std::uint64_t last = 3 * kBlockBytes;
  for (std::uint64_t i = 0; i < covered(files_[0], last); ++i) {
    SCOPED_TRACE("byte " + std::to_string(i));
    expect_cut(1, flipped(files_[0], last + i, i % 8), models_[1]);
    if (HasFailure()) return;
  }
}

TEST_F(LogDamage, a_last_batch_cut_short_at_any_byte_is_a_torn_tail) {
  const std::uint64_t last = 3 * kBlockBytes;
  const std::uint64_t end = last + covered(files_[0], last);
  for (std::uint64_t at = last + 1; at < end; ++at) {
    SCOPED_TRACE("zeros from byte " + std::to_string(at - last));
    std::string bytes = files_[0];
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at),
              bytes.begin() + static_cast<std::ptrdiff_t>(end), '\0');
    if (bytes == files_[0]) continue;
    // With neither magic nor salt it may as well be what an earlier use of the file left.
    expect_cut(1, bytes, models_[1], at - last >= 4);
    if (HasFailure()) return;
  }
}

TEST_F(LogDamage, a_last_batch_that_never_arrived_is_simply_not_there) {
  std::string bytes = files_[0];
  std::fill(bytes.begin() + 3 * kBlockBytes, bytes.end(), '\0');
  auto opened = open_with(1, bytes);
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->torn_tail_cut);
  EXPECT_TRUE(equals(*opened, models_[1]));
}

TEST_F(LogDamage, padding_does_not_matter) {
  auto opened = open_with(1, flipped(files_[0], 4 * kBlockBytes - 1, 0));
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->torn_tail_cut);
  EXPECT_TRUE(equals(*opened, model_));
}

TEST_F(LogDamage, any_byte_of_an_earlier_batch_is_corruption) {
  for (const std::uint64_t batch : {kBlockBytes, 2 * kBlockBytes})
    for (std::uint64_t i = 0; i < covered(files_[0], batch); ++i) {
      SCOPED_TRACE("offset " + std::to_string(batch + i));
      expect_corrupt(1, flipped(files_[0], batch + i, i % 8));
      if (HasFailure()) return;
    }
}

TEST_F(LogDamage, an_earlier_batch_that_vanished_is_corruption) {
  for (const std::uint64_t batch : {kBlockBytes, 2 * kBlockBytes}) {
    std::string bytes = files_[0];
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(batch), kBlockBytes, '\0');
    expect_corrupt(1, bytes);
  }
}

TEST_F(LogDamage, a_batch_in_another_place_is_corruption) {
  // A misdirected write: batch 3 also stands where batch 2 was.
  std::string bytes = files_[0];
  bytes.replace(2 * kBlockBytes, kBlockBytes, files_[0].substr(3 * kBlockBytes, kBlockBytes));
  expect_corrupt(1, bytes);
}

TEST_F(LogDamage, a_last_batch_one_block_too_late_is_corruption) {
  // Found by the fuzzer: taken for an empty tail, the next append made the log unreadable.
  std::string bytes = files_[0].substr(0, 3 * kBlockBytes) + std::string(kBlockBytes, '\0') +
                      files_[0].substr(3 * kBlockBytes, kBlockBytes);
  expect_corrupt(1, bytes);
}

TEST_F(LogDamage, a_segment_that_starts_at_another_term_is_corruption) {
  // Found by the fuzzer: the base kept one term, the end of the log another.
  fill_second_segment();
  for (const std::uint64_t index : {0, 1, 4}) {
    auto header = *decode_segment_header(files_[1]);
    header.previous = {LogIndex{index}, Term{5}};
    std::string bytes = files_[1];
    bytes.replace(0, kBlockBytes, encode_segment_header(header));
    expect_corrupt(2, bytes);
  }
}

TEST_F(LogDamage, a_segment_of_another_history_is_corruption) {
  fill_second_segment();
  const auto good = *decode_segment_header(files_[1]);
  for (const ChainLink chain : {ChainLink{good.chain.number, good.chain.checksum + 1},
                                ChainLink{good.chain.number - 1, good.chain.checksum},
                                ChainLink{good.chain.number + 1, good.chain.checksum}}) {
    auto header = good;
    header.chain = chain;
    std::string bytes = files_[1];
    bytes.replace(0, kBlockBytes, encode_segment_header(header));
    expect_corrupt(2, bytes);
  }
}

TEST_F(LogDamage, a_torn_tail_is_cut_once) {
  auto opened = open_with(1, flipped(files_[0], 3 * kBlockBytes + 70, 0));
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->torn_tail_cut);
  disk_->lose_power(sim::Loss::all);
  EXPECT_FALSE(open_log(disk_).torn_tail_cut);
}

TEST_F(LogDamage, any_byte_of_a_segment_header_is_mended) {
  fill_second_segment();
  const std::uint64_t bytes = 80 + raft::encode(membership_of(1)).size();
  for (std::uint64_t sequence : {1, 2})
    for (std::uint64_t i = 0; i < bytes; ++i) {
      SCOPED_TRACE("segment " + std::to_string(sequence) + " byte " + std::to_string(i));
      const std::string good = files_[sequence - 1];
      {
        auto opened = open_with(sequence, flipped(good, i, i % 8));
        ASSERT_TRUE(opened) << opened.error().text;
        ASSERT_TRUE(equals(*opened, model_));
      }
      disk_->lose_power(sim::Loss::all);
      const auto mended = decode_segment_header(*disk_.contents(segment_name(sequence)));
      const auto before = decode_segment_header(good);
      ASSERT_TRUE(mended);
      EXPECT_EQ(mended->salt, before->salt);
      EXPECT_EQ(mended->previous, before->previous);
      EXPECT_EQ(mended->chain, before->chain);
      EXPECT_EQ(mended->membership, before->membership);
      EXPECT_GE(mended->sealed, before->sealed);
      EXPECT_TRUE(equals(open_log(disk_), model_));
      if (HasFailure()) return;
    }
}

TEST_F(LogDamage, a_segment_without_batches_has_no_header_to_be_known_again) {
  auto opened = open_log(disk_);
  raft::Write cut;
  cut.truncate_after = LogIndex{2};
  ASSERT_TRUE(opened.log->append(cut));
  opened.log.reset();
  files_ = {*disk_.contents(segment_name(1)), *disk_.contents(segment_name(2))};
  expect_corrupt(2, flipped(files_[1], 42, 0));
}

TEST_F(LogDamage, the_last_batch_of_an_earlier_segment_is_no_tail) {
  fill_second_segment();
  const std::uint64_t last = 3 * kBlockBytes;
  for (std::uint64_t i = 0; i < covered(files_[0], last); ++i) {
    SCOPED_TRACE("byte " + std::to_string(i));
    expect_corrupt(1, flipped(files_[0], last + i, i % 8));
    if (HasFailure()) return;
  }
}

TEST_F(LogDamage, the_batch_a_segment_was_born_with_is_no_tail) {
  fill_second_segment();
  std::string alone = files_[1];
  std::fill(alone.begin() + 2 * kBlockBytes, alone.end(), '\0');
  files_[1] = alone;
  ASSERT_TRUE(open_with(2, alone));
  for (std::uint64_t i = 0; i < covered(alone, kBlockBytes); i += 7)
    expect_corrupt(2, flipped(alone, kBlockBytes + i, i % 8));
}

TEST_F(LogDamage, a_bit_flipped_while_open_is_never_served) {
  for (std::uint64_t i = 0; i < covered(files_[0], 2 * kBlockBytes); ++i) {
    auto opened = open_with(1, files_[0]);
    ASSERT_TRUE(opened);
    disk_->flip_bit(segment_name(1), 2 * kBlockBytes + i, i % 8);
    EXPECT_EQ(opened->log->read(LogIndex{3}, LogIndex{4}, 100).error().code, Errc::corrupt);
    EXPECT_EQ(opened->log->read(LogIndex{4}, LogIndex{5}, 100)->size(), 1u);
  }
}

TEST_F(LogDamage, a_newer_version_is_refused_as_such) {
  std::string newer = files_[0];
  newer[2 * kBlockBytes + 4] = 2;
  Encoder checksum;
  checksum.u64(hash64(std::string_view(newer).substr(2 * kBlockBytes, 72)));
  newer.replace(2 * kBlockBytes + 72, 8, checksum.view());
  EXPECT_EQ(open_with(1, newer).error().code, Errc::invalid);

  newer = files_[0];
  newer[16] = 2;
  Encoder header_checksum;
  header_checksum.u64(hash64(std::string_view(newer).substr(16, 64)));
  newer.replace(8, 8, header_checksum.view());
  EXPECT_EQ(open_with(1, newer).error().code, Errc::invalid);
}

TEST_F(LogDamage, bug_torn_tail_accepted_serves_a_torn_batch) {
  switch_bug_on(Bug::torn_tail_accepted);
  const std::uint64_t payload = 3 * kBlockBytes + kBatchHeaderBytes + 13;
  auto opened = open_with(1, flipped(files_[0], payload, 0));
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->torn_tail_cut);
  EXPECT_EQ(read_all(*opened).back().payload.view(), "mast");
}

TEST_F(LogDamage, bug_middle_corruption_cut_drops_good_batches) {
  switch_bug_on(Bug::middle_corruption_cut);
  auto opened = open_with(1, flipped(files_[0], 2 * kBlockBytes + 80, 0));
  ASSERT_TRUE(opened);
  EXPECT_TRUE(equals(*opened, models_[0]));
}

TEST_F(LogDamage, bug_middle_corruption_cut_drops_good_segments) {
  fill_second_segment();
  switch_bug_on(Bug::middle_corruption_cut);
  auto opened = open_with(1, flipped(files_[0], 3 * kBlockBytes + 80, 0));
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_TRUE(equals(*opened, models_[1]));
  EXPECT_EQ(disk_->list()->size(), 1u);
}

}  // namespace
}  // namespace lockstep::storage
