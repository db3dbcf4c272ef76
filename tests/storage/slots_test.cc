// Vote file and manifest: stored states survive any crash and damage to either slot, and what an
// opened file showed is durable.
#include "storage/slots.h"

#include <gtest/gtest.h>

#include "base/bugs.h"
#include "base/codec.h"
#include "base/hash.h"
#include "storage/manifest.h"
#include "storage/vote_file.h"
#include "tests/storage/support.h"

namespace lockstep::storage {
namespace {

using sim::Loss;
using sim::SimDisk;
using test::kLosses;

const NodeId kSelf{"n1"};

raft::HardState hard(std::uint64_t term, std::optional<std::string> vote) {
  raft::HardState state{.term = Term{term}, .vote = {}};
  if (vote) state.vote = NodeId{*vote};
  return state;
}

raft::HardState vote_on(SimDisk& disk) {
  const auto file = VoteFile::open(disk, kSelf);
  EXPECT_TRUE(file) << file.error().text;
  return file ? (*file)->state() : raft::HardState();
}

TEST(VoteFile, starts_empty_and_keeps_what_is_stored) {
  SimDisk disk(Rng(1));
  EXPECT_EQ(vote_on(disk), raft::HardState());
  for (const auto& state : {hard(1, std::nullopt), hard(1, "n2"), hard(7, "n1")}) {
    ASSERT_TRUE((*VoteFile::open(disk, kSelf))->store(state));
    disk.lose_power(Loss::all);
    EXPECT_EQ(vote_on(disk), state);
  }
}

TEST(VoteFile, keeps_the_fence_beside_the_vote) {
  SimDisk disk(Rng(1));
  const raft::Position fence{LogIndex{9}, Term{2}};
  auto file = *VoteFile::open(disk, kSelf);
  EXPECT_EQ(file->fence(), raft::Position{});
  ASSERT_TRUE(file->store(hard(3, "n2")));
  const ClusterId cluster{.high = 5, .low = 6};
  ASSERT_TRUE(file->store_admission(fence, cluster));
  disk.lose_power(Loss::all);
  file = *VoteFile::open(disk, kSelf);
  EXPECT_EQ(file->fence(), fence);
  EXPECT_EQ(file->cluster(), (VoteFile::Cluster{cluster, {}}));
  EXPECT_EQ(file->state(), hard(3, "n2"));
  const ClusterId later{.high = 7, .low = 8};
  ASSERT_TRUE(file->store_cluster({later, cluster}));
  ASSERT_TRUE(file->store(hard(4, std::nullopt)));
  disk.lose_power(Loss::all);
  EXPECT_EQ((*VoteFile::open(disk, kSelf))->fence(), fence);
  EXPECT_EQ((*VoteFile::open(disk, kSelf))->cluster(), (VoteFile::Cluster{later, cluster}));
}

TEST(VoteFile, refuses_the_folder_of_another_node_without_touching_it) {
  SimDisk disk(Rng(1));
  vote_on(disk);
  const auto before = disk.operations();
  const auto other = VoteFile::open(disk, NodeId{"n2"});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::refused);
  EXPECT_EQ(disk.operations(), before);
}

// Stores terms 1, 2, ... and crashes after every number of operations, the first start included.
void crash_everywhere(std::optional<Loss> loss) {
  bool finished = false;
  for (std::uint64_t budget = 0; !finished; ++budget)
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      SCOPED_TRACE("budget " + std::to_string(budget) + " seed " + std::to_string(seed));
      SimDisk disk{Rng(seed)};
      disk.crash_after(budget);
      std::uint64_t stored = 0;
      std::uint64_t attempted = 0;
      if (auto file = VoteFile::open(disk, kSelf))
        while (attempted < 5) {
          ++attempted;
          if (!(*file)->store(hard(attempted, "n" + std::to_string(attempted)))) break;
          ++stored;
        }
      finished = stored == 5;
      loss ? disk.lose_power(*loss) : disk.kill_process();
      const auto found = vote_on(disk);
      ASSERT_GE(found.term.value, stored);
      ASSERT_LE(found.term.value, attempted);
      if (found.term.value > 0)
        ASSERT_EQ(found.vote, NodeId{"n" + to_string(found.term)});
      else
        ASSERT_EQ(found.vote, std::nullopt);
      // What was shown is durable.
      disk.lose_power(Loss::all);
      ASSERT_EQ(vote_on(disk), found);
    }
}

void store_after_crash_everywhere(std::optional<Loss> loss) {
  for (std::uint64_t budget = 0; budget < 20; ++budget) {
    SCOPED_TRACE("budget " + std::to_string(budget));
    SimDisk disk{Rng(budget)};
    disk.crash_after(budget);
    if (auto file = VoteFile::open(disk, kSelf)) static_cast<void>((*file)->store(hard(1, "n1")));
    loss ? disk.lose_power(*loss) : disk.kill_process();
    ASSERT_TRUE((*VoteFile::open(disk, kSelf))->store(hard(2, "n2")));
    disk.lose_power(Loss::all);
    ASSERT_EQ(vote_on(disk), hard(2, "n2"));
  }
}

TEST(VoteFile, every_crash_point_leaves_the_last_stored_or_the_attempted_state) {
  crash_everywhere(std::nullopt);
  for (const Loss loss : kLosses) crash_everywhere(loss);
}

TEST(VoteFile, a_vote_stored_after_any_crash_is_durable) {
  store_after_crash_everywhere(std::nullopt);
  for (const Loss loss : kLosses) store_after_crash_everywhere(loss);
}

TEST(VoteFile, damage_to_either_slot_never_brings_an_old_vote_back) {
  SimDisk disk(Rng(1));
  ASSERT_TRUE((*VoteFile::open(disk, kSelf))->store(hard(3, "n2")));
  ASSERT_TRUE((*VoteFile::open(disk, kSelf))->store(hard(4, "n3")));
  const std::string good = *disk.contents("vote");
  ASSERT_EQ(good.size(), 2 * kSlotBytes);
  for (std::uint64_t i = 0; i < good.size(); ++i) {
    if (i % kSlotBytes > 80) continue;
    disk.put("vote", good);
    disk.flip_bit("vote", i, i % 8);
    ASSERT_EQ(vote_on(disk), hard(4, "n3")) << "byte " << i;
    // And both slots are good again.
    disk.flip_bit("vote", (i + kSlotBytes) % good.size() / kSlotBytes * kSlotBytes, 0);
    ASSERT_EQ(vote_on(disk), hard(4, "n3")) << "byte " << i;
  }
}

TEST(VoteFile, two_bad_slots_are_corruption_never_a_fresh_node) {
  SimDisk disk(Rng(1));
  ASSERT_TRUE((*VoteFile::open(disk, kSelf))->store(hard(3, "n2")));
  disk.flip_bit("vote", 0, 0);
  disk.flip_bit("vote", kSlotBytes, 0);
  EXPECT_EQ(VoteFile::open(disk, kSelf).error().code, Errc::corrupt);
  for (const std::string& bytes : {std::string(), std::string(8192, '\0'), std::string(100, 'x')}) {
    disk.put("vote", bytes);
    EXPECT_EQ(VoteFile::open(disk, kSelf).error().code, Errc::corrupt);
    EXPECT_EQ(disk.contents("vote"), bytes);
  }
}

TEST(VoteFile, a_failed_sync_is_final) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SimDisk disk{Rng(seed)};
    auto file = *VoteFile::open(disk, kSelf);
    ASSERT_TRUE(file->store(hard(1, "n1")));
    disk.fail_syncs(1);
    EXPECT_EQ(file->store(hard(2, "n2")).error().code, Errc::io);
    EXPECT_EQ(file->store(hard(2, "n2")).error().code, Errc::io);
    disk.kill_process();
    const auto found = vote_on(disk);
    EXPECT_TRUE(found == hard(1, "n1") || found == hard(2, "n2"));
    disk.lose_power(Loss::all);
    EXPECT_EQ(vote_on(disk), found);
  }
}

TEST(VoteFile, a_newer_version_is_refused_as_such) {
  SimDisk disk(Rng(1));
  vote_on(disk);
  std::string bytes = *disk.contents("vote");
  bytes.replace(16, 1, "\x03");
  const std::uint32_t length = Decoder(std::string_view(bytes).substr(20)).u32();
  Encoder checksum;
  checksum.u64(hash64(std::string_view(bytes).substr(16, 16 + length)));
  bytes.replace(8, 8, checksum.view());
  disk.put("vote", bytes);
  EXPECT_EQ(VoteFile::open(disk, kSelf).error().code, Errc::invalid);
}

TEST(VoteFile, a_state_that_does_not_fit_is_refused_before_anything_is_written) {
  SimDisk disk(Rng(1));
  auto file = *VoteFile::open(disk, kSelf);
  EXPECT_EQ(file->store(hard(1, std::string(5000, 'x'))).error().code, Errc::invalid);
  EXPECT_EQ(file->state(), raft::HardState());
  EXPECT_TRUE(file->store(hard(1, "n1")));
}

TEST(VoteFile, bug_vote_not_persisted_forgets) {
  SimDisk disk(Rng(1));
  switch_bug_on(Bug::vote_not_persisted);
  auto file = *VoteFile::open(disk, kSelf);
  EXPECT_TRUE(file->store(hard(1, "n1")));
  EXPECT_EQ(file->state(), hard(1, "n1"));
  EXPECT_EQ(vote_on(disk), raft::HardState());
  switch_bug_on(Bug::none);
}

DurableState durable_state(std::uint64_t number) {
  return {.index = LogIndex{number},
          .term = Term{number / 2},
          .page_bytes = 4096,
          .wal_salt1 = 0xdeadbeef,
          .wal_salt2 = static_cast<std::uint32_t>(number),
          .wal_frames = number * 3,
          .last_insert_id = -static_cast<std::int64_t>(number),
          .rows_affected = 5,
          .image_membership = std::string(number % 3 * 50, 'm'),
          .installing = number % 2 == 1,
          .sums_file = static_cast<std::uint8_t>(number % 2)};
}

TEST(Manifest, starts_without_a_state_and_keeps_what_is_stored) {
  SimDisk disk(Rng(1));
  EXPECT_EQ((*Manifest::open(disk))->current(), std::nullopt);
  EXPECT_EQ((*Manifest::open(disk))->current(), std::nullopt);
  for (std::uint64_t i = 1; i < 4; ++i) {
    ASSERT_TRUE((*Manifest::open(disk))->store(durable_state(i)));
    disk.lose_power(Loss::all);
    EXPECT_EQ((*Manifest::open(disk))->current(), durable_state(i));
  }
}

TEST(Manifest, a_membership_that_does_not_fit_is_refused_before_anything_is_written) {
  SimDisk disk(Rng(1));
  auto manifest = *Manifest::open(disk);
  DurableState state = durable_state(4);
  state.image_membership = std::string(kImageMembershipMax, 'm');
  ASSERT_TRUE(manifest->store(state));
  DurableState longer = state;
  longer.image_membership += 'm';
  const auto before = disk.operations();
  EXPECT_EQ(manifest->store(longer).error().code, Errc::invalid);
  EXPECT_EQ(disk.operations(), before);
  EXPECT_EQ(manifest->current(), state);
  state.image_membership.clear();
  ASSERT_TRUE(manifest->store(state));
  EXPECT_EQ((*Manifest::open(disk))->current(), state);
}

TEST(Manifest, every_crash_point_leaves_the_last_stored_or_the_attempted_state) {
  for (int loss = -1; loss < 5; ++loss)
    for (std::uint64_t budget = 0, stored = 0; stored < 4; ++budget) {
      SCOPED_TRACE("loss " + std::to_string(loss) + " budget " + std::to_string(budget));
      SimDisk disk{Rng(budget)};
      disk.crash_after(budget);
      stored = 0;
      if (auto manifest = Manifest::open(disk))
        while (stored < 4 && (*manifest)->store(durable_state(stored + 1))) ++stored;
      loss < 0 ? disk.kill_process() : disk.lose_power(kLosses[loss]);
      const auto found = (*Manifest::open(disk))->current();
      const auto state = [](std::uint64_t i) {
        return i == 0 ? std::optional<DurableState>() : durable_state(i);
      };
      ASSERT_TRUE(found == state(stored) || found == state(stored + 1));
      disk.lose_power(Loss::all);
      ASSERT_EQ((*Manifest::open(disk))->current(), found);
    }
}

TEST(Manifest, an_impossible_state_is_corruption) {
  SimDisk disk(Rng(1));
  ASSERT_TRUE((*Manifest::open(disk))->store(durable_state(1)));
  std::string bytes = *disk.contents("manifest");
  // The last byte of the payload names a third file of page checksums.
  for (const std::size_t slot : {std::size_t{0}, kSlotBytes}) {
    const std::uint32_t length = Decoder(std::string_view(bytes).substr(slot + 20)).u32();
    bytes[slot + 32 + length - 1] = 2;
    Encoder checksum;
    checksum.u64(hash64(std::string_view(bytes).substr(slot + 16, 16 + length)));
    bytes.replace(slot + 8, 8, checksum.view());
  }
  disk.put("manifest", bytes);
  EXPECT_EQ(Manifest::open(disk).error().code, Errc::corrupt);
}

TEST(Manifest, two_bad_slots_are_corruption) {
  SimDisk disk(Rng(1));
  ASSERT_TRUE((*Manifest::open(disk))->store(durable_state(1)));
  disk.flip_bit("manifest", 40, 0);
  EXPECT_EQ((*Manifest::open(disk))->current(), durable_state(1));
  disk.flip_bit("manifest", 40, 0);
  disk.flip_bit("manifest", kSlotBytes + 40, 0);
  EXPECT_EQ(Manifest::open(disk).error().code, Errc::corrupt);
}

TEST(Manifest, is_not_a_vote_file) {
  SimDisk disk(Rng(1));
  vote_on(disk);
  disk.put("manifest", *disk.contents("vote"));
  EXPECT_EQ(Manifest::open(disk).error().code, Errc::corrupt);
}

}  // namespace
}  // namespace lockstep::storage
