// Dramas of storage: disks that fill up, rot or get lost, and what it takes to bring nodes back.
#include "tests/sim/storage_drama.h"

#include <algorithm>

#include "base/bugs.h"

namespace lockstep::sim {
namespace {

using Level = check::Level;

// What is applied while a snapshot is made is not in it: a power loss leaves it to the log alone.
TEST_F(StorageDrama, log_keeps_what_no_snapshot_holds_yet) {
  const auto tell = [this] {
    begin(1);
    value_ = 0;
    for (int i = 0; i < 20; ++i) {
      world->machine(0).as_step([](node::Node& node) { node.snapshot(0, [](Result<bool>) {}); });
      write_many(0, 2);
      world->run_for(milliseconds(5));
      world->crash(0, {.power = true, .loss = Loss::all}, milliseconds(1));
      if (!converge(*world, seconds(5))) return false;
      EXPECT_EQ(read(0, 1, Level::none), std::to_string(value_));
    }
    return true;
  };
  EXPECT_TRUE(tell()) << violation();
  switch_bug_on(Bug::compact_above_durable);
  const bool survived = tell();
  switch_bug_on(Bug::none);
  EXPECT_FALSE(survived);
  EXPECT_NE(violation().find("the raft log begins after"), std::string::npos) << violation();
}

TEST_F(StorageDrama, leader_with_a_full_disk_steps_down_and_nothing_is_lost) {
  begin(3);
  const std::size_t full = *world->leader();
  write_many(full, 5);
  world->set_full(full, true);
  // Blocks that were written before still take entries; then the log needs a new segment.
  std::int64_t acknowledged = value_;
  for (int i = 0; i < 400 && *world->leader() == full; ++i) {
    if (write(full, 1, ++value_)) acknowledged = value_;
  }
  const auto leader = new_leader(full);
  ASSERT_TRUE(leader) << world->progress_text();
  // Reads of the applied state go on, and writes go on elsewhere.
  EXPECT_NE(read(full, 1, Level::none), "");
  EXPECT_TRUE(write(*leader, 1, ++value_));
  world->set_full(full, false);
  ASSERT_TRUE(converge(*world, seconds(20))) << violation();
  EXPECT_EQ(read(full, 1, Level::none), std::to_string(value_));
  EXPECT_GE(value_, acknowledged);
  EXPECT_EQ(world->machine(full).starts(), 1u);
}

TEST_F(StorageDrama, lone_node_with_a_full_disk_says_so_and_recovers) {
  begin(1);
  write_many(0, 5);
  world->set_full(0, true);
  bool refused = false;
  for (int i = 0; i < 400 && !refused; ++i) {
    auto response = world->ask(
        0,
        make_request({.act = Act::write, .key = 2, .value = i, .machine = 0}, 3, seconds(1), false),
        seconds(1));
    refused = response && response->body.find("disk is full") != std::string::npos;
  }
  EXPECT_TRUE(refused);
  EXPECT_EQ(read(0, 1, Level::none), "5");
  world->set_full(0, false);
  ASSERT_TRUE(converge(*world, seconds(20))) << violation();
  write_many(0, 1);
  EXPECT_EQ(read(0, 1, Level::strong), "6");
  EXPECT_EQ(world->machine(0).starts(), 1u);
}

TEST_F(StorageDrama, rot_is_noticed_and_mended_from_the_others) {
  std::uint64_t repairs = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    begin(3, seed);
    value_ = 0;
    Rng rng(seed);
    const std::size_t rotten = follower();
    write_many(*world->leader(), 30);
    if (seed % 2 == 0) snapshot_everywhere();
    write_many(*world->leader(), 30);
    ASSERT_TRUE(converge(*world, seconds(5)));
    world->crash(rotten, {}, std::nullopt);
    ASSERT_TRUE(world->rot(rotten, rng));
    world->start_machine(rotten);
    ASSERT_TRUE(converge(*world, seconds(30))) << "seed " << seed << ": " << violation();
    EXPECT_EQ(read(rotten, 1, Level::none), "60") << "seed " << seed;
    ASSERT_TRUE(converge(*world, seconds(30))) << "seed " << seed << ": " << violation();
    repairs += world->repairs();
  }
  EXPECT_GE(repairs, 3u);
}

// A batch with a change of the membership rots, and the others keep it no longer. The image that
// they give instead says what the lost batch said; what follows in the log stays as it was.
TEST_F(StorageDrama, log_that_lost_a_membership_change_is_made_good_by_an_image) {
  for (const bool believed : {true, false}) {
    switch_bug_on(believed ? Bug::none : Bug::lost_change_not_covered);
    begin(3);
    value_ = 0;
    const std::size_t rotten = follower();
    write_many(*world->leader(), 3);
    world->crash(rotten, {}, std::nullopt);
    const auto log = batches(rotten);
    const auto change = std::ranges::find_if(log, &Batch::changes_membership);
    ASSERT_TRUE(change != log.end() && std::next(change) != log.end());
    flip_bit(rotten, *change, 10);
    write_many(*world->leader(), 3);
    snapshot_everywhere();
    world->start_machine(rotten);
    const bool mended = world->run_until([&] { return world->converged(); }, seconds(30));
    EXPECT_EQ(mended, believed) << violation();
    if (!mended) continue;
    EXPECT_EQ(world->repairs(), 1u);
    EXPECT_EQ(read(rotten, 1, Level::linearizable), "6");
    world->crash(rotten, {.power = true}, milliseconds(1));
    ASSERT_TRUE(converge(*world, seconds(20))) << violation();
  }
  switch_bug_on(Bug::none);
}

// Without its disk it knows nothing of its votes: under its old name it is let in only after it has
// been removed, and until then it is as good as down.
TEST_F(StorageDrama, member_that_lost_its_disk_is_no_voter_until_it_is_replaced) {
  begin(3);
  const std::size_t old = *world->leader();
  std::size_t lost = old == 2 ? 1 : 2;
  const std::size_t other = 3 - old - lost;
  write_many(old, 10);
  world->lose_disk(lost, milliseconds(1), false);
  world->run_for(seconds(2));
  EXPECT_TRUE(world->machine(lost).node().core().membership().members.empty());
  // Two of three are left, and one of them goes: the empty one must not help the other to lead.
  world->crash(old, {}, std::nullopt);
  world->run_for(seconds(5));
  EXPECT_EQ(world->leader(), std::nullopt);
  EXPECT_EQ(read(other, 1, Level::none), "10");
}

// Its former self voted in an election that two stood in. Empty, and let in again under its name,
// it is asked once more, by the one it had refused: that frame was on its way for long.
TEST_F(StorageDrama, member_that_lost_its_disk_does_not_vote_a_second_time) {
  const auto tell = [this](std::uint64_t seed) {
    begin(3, seed);
    world->run_for(milliseconds(200));
    value_ = 0;
    const std::size_t old = *world->leader();
    const std::size_t lost = old == 2 ? 1 : 2;
    const std::size_t rival = 3 - old - lost;
    // Told to stand, the rival is heard by nobody; then the leader restarts, and one of the others
    // wins the same term.
    world->network().set_cut(rival, old, true);
    world->network().set_cut(rival, lost, true);
    world->machine(old).as_step([&](node::Node& node) {
      node.transfer_leadership(NodeId{world->machine(rival).name()}, [](Status) {});
    });
    world->run_for(milliseconds(20));
    const Term contested = world->machine(rival).node().core().term();
    world->crash(old, {}, milliseconds(1));
    ASSERT_TRUE(world->run_until([&] { return world->leader().has_value(); }, seconds(5)));
    ASSERT_EQ(world->machine(*world->leader()).node().core().term(), contested);
    world->network().heal(false);
    ASSERT_TRUE(converge(*world, seconds(10))) << violation();
    write_many(old, 3);
    world->lose_disk(lost, milliseconds(1), true);
    converge(*world, seconds(20));
  };
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    ASSERT_NO_FATAL_FAILURE(tell(seed));
    ASSERT_EQ(violation(), "");
    ASSERT_TRUE(world->converged());
    EXPECT_EQ(read(0, 1, Level::linearizable), "3");
  }
  switch_bug_on(Bug::vote_after_lost_disk);
  std::string found;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    tell(seed);
    found += violation() + "\n";
  }
  switch_bug_on(Bug::none);
  EXPECT_NE(found.find("two votes in one term"), std::string::npos) << found;
}

// Which entries its log held, nobody can tell any more, so neither can an image make up for what it
// acknowledged. It stays down until the operator does with it what is done after a lost disk.
TEST_F(StorageDrama, member_whose_log_is_beyond_repair_stays_down_until_it_is_replaced) {
  begin(3);
  const std::size_t bad = *world->leader() == 2 ? 1 : 2;
  write_many(*world->leader(), 10);
  snapshot_everywhere();
  write_many(*world->leader(), 10);
  ASSERT_TRUE(converge(*world, seconds(5)));
  world->crash(bad, {}, std::nullopt);
  Machine& machine = world->machine(bad);
  const auto names = machine.disk().list();
  ASSERT_TRUE(names);
  for (const std::string& name : *names) {
    if (!name.starts_with("log-")) continue;
    machine.disk().flip_bit(name, 50, 0);
    machine.disk().flip_bit(name, 4096 + 10, 0);
  }
  const Status started = machine.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::corrupt);
  EXPECT_NE(started.error().text.find("raft log"), std::string::npos) << started.error().text;
  write_many(*world->leader(), 5);
  world->lose_disk(bad, milliseconds(1), true);
  ASSERT_TRUE(converge(*world, seconds(20))) << violation();
  EXPECT_EQ(read(bad, 1, Level::linearizable), "25");
}

// Two of three are gone for good. The third is told so, and goes on alone with all it has.
TEST_F(StorageDrama, survivor_of_a_lost_quorum_goes_on_when_it_is_told_to) {
  begin(3);
  const std::size_t survivor = *world->leader();
  write_many(survivor, 10);
  ASSERT_TRUE(converge(*world, seconds(5)));
  for (std::size_t i = 0; i < 3; ++i) world->crash(i, {}, std::nullopt);
  const Machine& machine = world->machine(survivor);
  world->start_machine(survivor);
  world->run_for(seconds(5));
  ASSERT_EQ(world->leader(), std::nullopt);
  world->crash(survivor, {}, std::nullopt);
  raft::Membership alone;
  alone.put({.id = NodeId{machine.name()}, .address = machine.raft_address(), .voter = true});
  world->recover_with(survivor, alone);
  world->start_machine(survivor);
  world->run_until([&] { return world->leader() == survivor; }, seconds(5));
  ASSERT_EQ(world->leader(), survivor);
  EXPECT_EQ(read(survivor, 1, Level::linearizable), "10");
  write_many(survivor, 1);
  // From now on its log says so itself.
  world->crash(survivor, {.power = true, .loss = Loss::all}, std::nullopt);
  world->recover_with(survivor, std::nullopt);
  world->start_machine(survivor);
  world->run_until([&] { return world->leader() == survivor; }, seconds(5));
  EXPECT_EQ(read(survivor, 1, Level::strong), "11");
}

TEST_F(StorageDrama, leadership_is_handed_over_on_request) {
  begin(3);
  const std::size_t old = *world->leader();
  const std::size_t target = (old + 1) % 3;
  std::optional<Status> outcome;
  const TimePoint asked = world->now();
  world->machine(old).as_step([&](node::Node& node) {
    node.transfer_leadership(NodeId{world->machine(target).name()},
                             [&](Status status) { outcome = std::move(status); });
  });
  world->run_until([&] { return world->leader() == target; }, seconds(5));
  EXPECT_EQ(world->leader(), target);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->has_value());
  // Much faster than a leader that just vanishes.
  EXPECT_LT(world->now() - asked, milliseconds(100));
}

// The ask travels to the leader, the read stays on the follower: cut off, it answers nothing.
TEST_F(StorageDrama, follower_reads_linearizably_by_itself) {
  begin(3);
  const std::size_t reader = follower();
  write_many(*world->leader(), 4);
  std::uint64_t forwarded = 0;
  world->network().watch([&](std::size_t, std::string_view bytes) {
    const auto frame = wire::decode_frame(bytes);
    if (frame && std::holds_alternative<wire::Forward>(frame->body)) ++forwarded;
  });
  EXPECT_EQ(read(reader, 1, Level::linearizable), "4");
  EXPECT_EQ(forwarded, 0u);
  world->network().split(std::uint64_t{1} << reader);
  EXPECT_EQ(read(reader, 1, Level::linearizable), "");
  world->heal();
  ASSERT_TRUE(converge(*world, seconds(10))) << violation();
  write_many(*world->leader(), 1);
  EXPECT_EQ(read(reader, 1, Level::linearizable), "5");
}

}  // namespace
}  // namespace lockstep::sim
