// What SimDisk keeps and forgets: the rules that every crash test above it relies on.
#include "sim/disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/hash.h"

namespace lockstep::sim {
namespace {

using env::OpenMode;

constexpr Loss kLosses[] = {Loss::all, Loss::prefix, Loss::subset, Loss::torn_512, Loss::torn_4096};

std::unique_ptr<env::File> create(SimDisk& disk, std::string_view name) {
  auto file = disk.open(name, OpenMode::create);
  EXPECT_TRUE(file.has_value());
  return std::move(*file);
}

// A file with durable contents and a durable name.
std::unique_ptr<env::File> durable(SimDisk& disk, std::string_view name, std::string_view bytes) {
  auto file = create(disk, name);
  EXPECT_TRUE(file->write(0, bytes));
  EXPECT_TRUE(file->sync());
  EXPECT_TRUE(disk.sync_dir());
  return file;
}

TEST(SimDisk, reads_what_was_written_with_zeros_in_gaps) {
  SimDisk disk(Rng(1));
  auto file = create(disk, "a");
  ASSERT_TRUE(file->write(5000, "xyz"));
  EXPECT_EQ(*file->size(), 5003u);
  std::string into(10, '?');
  EXPECT_EQ(*file->read(4998, into), 5u);
  EXPECT_EQ(into.substr(0, 5), std::string("\0\0xyz", 5));
  EXPECT_EQ(*file->read(5003, into), 0u);
  ASSERT_TRUE(file->truncate(5001));
  ASSERT_TRUE(file->truncate(5003));
  EXPECT_EQ(disk.contents("a")->substr(5000), std::string("x\0\0", 3));
  EXPECT_EQ(disk.open("b", OpenMode::existing).error().code, Errc::not_found);
}

TEST(SimDisk, synced_bytes_survive_every_loss) {
  for (const Loss loss : kLosses)
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SimDisk disk{Rng(seed)};
      auto file = durable(disk, "a", std::string(10000, 'a'));
      ASSERT_TRUE(file->write(20000, "b"));
      ASSERT_TRUE(file->sync());
      disk.lose_power(loss);
      const auto bytes = disk.contents("a");
      ASSERT_TRUE(bytes);
      EXPECT_EQ(*bytes, std::string(10000, 'a') + std::string(10000, '\0') + "b");
    }
}

TEST(SimDisk, process_kill_keeps_pending_bytes_and_voids_handles) {
  SimDisk disk(Rng(1));
  auto file = create(disk, "a");
  ASSERT_TRUE(file->write(0, "hello"));
  disk.kill_process();
  EXPECT_EQ(file->write(0, "x").error().code, Errc::io);
  EXPECT_EQ(file->sync().error().code, Errc::io);
  EXPECT_EQ(file->size().error().code, Errc::io);
  EXPECT_EQ(disk.contents("a"), "hello");
  // The bytes are still only in the cache: a power loss later takes them.
  auto again = *disk.open("a", OpenMode::existing);
  ASSERT_TRUE(disk.sync_dir());
  disk.lose_power(Loss::all);
  EXPECT_EQ(disk.contents("a"), "");
}

TEST(SimDisk, loss_all_goes_back_to_the_last_sync) {
  SimDisk disk(Rng(1));
  auto file = durable(disk, "a", "12345");
  ASSERT_TRUE(file->write(1, "xx"));
  ASSERT_TRUE(file->truncate(2));
  ASSERT_TRUE(file->write(9000, "far"));
  disk.lose_power(Loss::all);
  EXPECT_EQ(disk.contents("a"), "12345");
}

// Three one-byte writes: which of the eight subsets appear tells the rule.
std::set<std::string> outcomes(Loss loss) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SimDisk disk{Rng(seed)};
    auto file = durable(disk, "a", "...");
    EXPECT_TRUE(file->write(0, "1"));
    EXPECT_TRUE(file->write(1, "2"));
    EXPECT_TRUE(file->write(2, "3"));
    disk.lose_power(loss);
    seen.insert(*disk.contents("a"));
  }
  return seen;
}

TEST(SimDisk, prefix_and_subset_keep_what_they_say) {
  EXPECT_EQ(outcomes(Loss::all), (std::set<std::string>{"..."}));
  EXPECT_EQ(outcomes(Loss::prefix), (std::set<std::string>{"...", "1..", "12.", "123"}));
  EXPECT_EQ(outcomes(Loss::subset).size(), 8u);
}

TEST(SimDisk, torn_writes_keep_whole_sectors) {
  for (const auto& [loss, sector] : {std::pair{Loss::torn_512, 512u}, {Loss::torn_4096, 4096u}}) {
    bool mixed = false;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      SimDisk disk{Rng(seed)};
      auto file = durable(disk, "a", std::string(16384, 'o'));
      ASSERT_TRUE(file->write(0, std::string(16384, 'n')));
      disk.lose_power(loss);
      const std::string bytes = *disk.contents("a");
      ASSERT_EQ(bytes.size(), 16384u);
      std::set<char> kinds;
      for (std::size_t at = 0; at < bytes.size(); at += sector) {
        const auto part = bytes.substr(at, sector);
        EXPECT_EQ(part, std::string(sector, part[0]));
        kinds.insert(part[0]);
      }
      mixed |= kinds.size() == 2;
    }
    EXPECT_TRUE(mixed);
  }
}

TEST(SimDisk, torn_growth_may_keep_size_without_data_and_data_without_size) {
  bool size_without_data = false;
  bool short_file = false;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SimDisk disk{Rng(seed)};
    auto file = durable(disk, "a", "");
    ASSERT_TRUE(file->write(0, std::string(4096, 'n')));
    disk.lose_power(Loss::torn_512);
    const std::string bytes = *disk.contents("a");
    if (bytes.size() < 4096) short_file = true;
    if (bytes.size() == 4096 && bytes != std::string(4096, 'n')) size_without_data = true;
  }
  EXPECT_TRUE(short_file);
  EXPECT_TRUE(size_without_data);
}

TEST(SimDisk, names_need_sync_dir) {
  SimDisk disk(Rng(1));
  durable(disk, "old", "old");
  durable(disk, "gone", "gone");
  auto fresh = create(disk, "fresh");
  ASSERT_TRUE(fresh->write(0, "fresh"));
  ASSERT_TRUE(fresh->sync());
  ASSERT_TRUE(disk.rename("fresh", "old"));
  ASSERT_TRUE(disk.remove("gone"));
  EXPECT_EQ(*disk.list(), (std::vector<std::string>{"old"}));
  EXPECT_EQ(disk.contents("old"), "fresh");
  disk.lose_power(Loss::all);
  EXPECT_EQ(*disk.list(), (std::vector<std::string>{"gone", "old"}));
  EXPECT_EQ(disk.contents("old"), "old");
}

TEST(SimDisk, synced_names_survive_and_a_rename_may_outlive_its_data) {
  SimDisk disk(Rng(1));
  durable(disk, "old", "old");
  auto fresh = create(disk, "fresh");
  ASSERT_TRUE(fresh->write(0, "fresh"));
  ASSERT_TRUE(disk.rename("fresh", "old"));
  ASSERT_TRUE(disk.sync_dir());
  disk.lose_power(Loss::all);
  EXPECT_EQ(*disk.list(), (std::vector<std::string>{"old"}));
  EXPECT_EQ(disk.contents("old"), "");
}

TEST(SimDisk, a_file_stands_under_one_name_whatever_is_lost) {
  for (const Loss loss : {Loss::prefix, Loss::subset})
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      SimDisk disk{Rng(seed)};
      durable(disk, "a", "bytes");
      ASSERT_TRUE(disk.rename("a", "b"));
      ASSERT_TRUE(disk.rename("b", "c"));
      disk.lose_power(loss);
      const auto names = *disk.list();
      ASSERT_EQ(names.size(), 1u);
      EXPECT_EQ(disk.contents(names[0]), "bytes");
    }
}

TEST(SimDisk, removed_file_stays_usable_through_its_handles) {
  SimDisk disk(Rng(1));
  auto file = durable(disk, "a", "x");
  auto other = *disk.open("a", OpenMode::existing);
  ASSERT_TRUE(disk.remove("a"));
  ASSERT_TRUE(file->write(0, "y"));
  std::string into(1, '?');
  EXPECT_EQ(*other->read(0, into), 1u);
  EXPECT_EQ(into, "y");
  EXPECT_EQ(disk.remove("a").error().code, Errc::not_found);
}

TEST(SimDisk, spent_budget_fails_every_call_until_the_crash) {
  SimDisk disk(Rng(1));
  auto file = durable(disk, "a", "x");
  const auto before = disk.operations();
  disk.crash_after(1);
  EXPECT_FALSE(disk.dead());
  ASSERT_TRUE(file->write(0, "y"));
  EXPECT_TRUE(disk.dead());
  EXPECT_EQ(file->write(0, "z").error().code, Errc::io);
  EXPECT_EQ(file->sync().error().code, Errc::io);
  EXPECT_EQ(disk.sync_dir().error().code, Errc::io);
  EXPECT_EQ(disk.list().error().code, Errc::io);
  EXPECT_EQ(disk.open("a", OpenMode::existing).error().code, Errc::io);
  std::string into(1, '?');
  EXPECT_EQ(file->read(0, into).error().code, Errc::io);
  EXPECT_EQ(disk.operations(), before + 1);
  EXPECT_EQ(disk.contents("a"), "y");
  disk.kill_process();
  EXPECT_FALSE(disk.dead());
  EXPECT_TRUE(disk.open("a", OpenMode::existing));
}

TEST(SimDisk, failed_sync_may_lose_keep_or_store_and_the_next_one_succeeds) {
  std::set<std::string> read_back;
  std::set<std::string> after_loss;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SimDisk disk{Rng(seed)};
    auto file = durable(disk, "a", "old");
    disk.fail_syncs(1);
    ASSERT_TRUE(file->write(0, "new"));
    EXPECT_EQ(file->sync().error().code, Errc::io);
    ASSERT_TRUE(file->sync());
    const std::string read = *disk.contents("a");
    disk.lose_power(Loss::all);
    read_back.insert(read);
    after_loss.insert(read + ">" + *disk.contents("a"));
  }
  EXPECT_EQ(read_back, (std::set<std::string>{"new", "old"}));
  EXPECT_EQ(after_loss, (std::set<std::string>{"new>new", "new>old", "old>old"}));
}

TEST(SimDisk, a_block_that_missed_its_sync_is_stored_once_written_again) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimDisk disk{Rng(seed)};
    auto file = durable(disk, "a", std::string(8192, 'o'));
    disk.fail_syncs(1);
    ASSERT_TRUE(file->write(0, std::string(8192, 'n')));
    ASSERT_FALSE(file->sync());
    ASSERT_TRUE(file->write(0, std::string(4096, 'm')));
    ASSERT_TRUE(file->sync());
    disk.lose_power(Loss::all);
    EXPECT_EQ(disk.contents("a")->substr(0, 4096), std::string(4096, 'm'));
  }
}

TEST(SimDisk, failed_write_leaves_a_prefix_at_most) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SimDisk disk{Rng(seed)};
    auto file = durable(disk, "a", "...");
    disk.fail_writes(1);
    EXPECT_EQ(file->write(0, "123").error().code, Errc::io);
    seen.insert(*disk.contents("a"));
    EXPECT_TRUE(file->write(0, "123"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"...", "1..", "12."}));
}

TEST(SimDisk, full_disk_refuses_growth_only) {
  SimDisk disk(Rng(1));
  auto file = durable(disk, "a", "abc");
  disk.set_full(true);
  EXPECT_TRUE(file->write(0, "xyz"));
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(file->write(2, "12").error().code, Errc::no_space);
  EXPECT_EQ(file->truncate(10).error().code, Errc::no_space);
  disk.set_full(false);
  EXPECT_TRUE(file->write(2, "12"));
  EXPECT_EQ(disk.contents("a"), "xy12");
}

TEST(SimDisk, flipped_bit_survives_a_crash) {
  SimDisk disk(Rng(1));
  auto file = durable(disk, "a", "abc");
  ASSERT_TRUE(file->write(0, "x"));
  disk.flip_bit("a", 1, 0);
  EXPECT_EQ(disk.contents("a"), "xcc");
  disk.lose_power(Loss::all);
  EXPECT_EQ(disk.contents("a"), "acc");
}

// Random operations against plain strings: the current contents are exact, a full loss gives the
// contents of the last sync, a prefix loss those after some operation since.
TEST(SimDisk, agrees_with_a_plain_model) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    SimDisk disk{rng.derive("disk")};
    auto file = durable(disk, "a", "");
    std::vector<std::string> states{""};  // since the last sync, oldest first
    const auto steps = rng.between(1, 40);
    for (std::uint64_t i = 0; i < steps; ++i) {
      std::string now = states.back();
      const auto what = rng.below(8);
      if (what == 0) {
        ASSERT_TRUE(file->sync());
        states = {now};
        continue;
      }
      if (what == 1) {
        const auto size = rng.below(30000);
        ASSERT_TRUE(file->truncate(size));
        now.resize(size);
      } else {
        const auto offset = rng.below(20000);
        const auto length = rng.between(1, 9000);
        const std::string bytes(length, rng.chance(1, 3) ? '\0' : static_cast<char>('a' + i % 26));
        ASSERT_TRUE(file->write(offset, bytes));
        now.resize(std::max<std::size_t>(now.size(), offset + length));
        now.replace(offset, length, bytes);
      }
      states.push_back(now);
      ASSERT_EQ(*disk.contents("a"), now);
    }
    const bool all = rng.chance(1, 2);
    disk.lose_power(all ? Loss::all : Loss::prefix);
    const std::string left = *disk.contents("a");
    if (all)
      EXPECT_EQ(left, states.front());
    else
      EXPECT_NE(std::find(states.begin(), states.end(), left), states.end());
  }
}

std::uint64_t trace_of(std::uint64_t seed) {
  SimDisk disk{Rng(seed)};
  RunningHash hash;
  disk.observe([&](std::string_view op, std::string_view name, std::uint64_t offset,
                   std::string_view bytes) {
    hash.add(op);
    hash.add(name);
    hash.add(offset);
    hash.add(bytes);
  });
  auto file = create(disk, "a");
  for (unsigned i = 0; i < 50; ++i)
    EXPECT_TRUE(file->write(i * 700, std::string(900, static_cast<char>(i))));
  disk.lose_power(Loss::torn_512);
  const auto names = *disk.list();
  for (const auto& name : names) hash.add(*disk.contents(name));
  return hash.value();
}

TEST(SimDisk, same_seed_same_trace) {
  EXPECT_EQ(trace_of(7), trace_of(7));
  std::set<std::uint64_t> traces;
  for (std::uint64_t seed = 0; seed < 10; ++seed) traces.insert(trace_of(seed));
  EXPECT_GT(traces.size(), 2u);
}

}  // namespace
}  // namespace lockstep::sim
