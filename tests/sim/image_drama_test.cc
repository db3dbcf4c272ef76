// Dramas of nodes that fall behind a compacted log and get the database as an image.
#include "base/bugs.h"
#include "tests/sim/storage_drama.h"

namespace lockstep::sim {
namespace {

using Level = check::Level;

// May also ask for images in the name of a node that has no need of any.
class ImageDrama : public StorageDrama {
 protected:
  void begin_asking(const Swarm& swarm) {
    begin(swarm, 1);
    giver_ = *world->leader();
    asker_ = follower();
    world->network().watch([&](std::size_t from, std::string_view bytes) {
      const auto frame = wire::decode_frame(bytes);
      if (!frame || from != giver_) return;
      const auto* reply = std::get_if<wire::ImageReply>(&frame->body);
      if (reply && reply->kind == wire::ImageReply::Kind::head) told_ = reply->head.at.index;
    });
  }
  void ask_for(LogIndex least) {
    const wire::Frame frame{.from = NodeId{world->machine(asker_).name()},
                            .to = NodeId{world->machine(giver_).name()},
                            .body = wire::ImageAsk{.id = 1, .least = least},
                            .reply_to = world->machine(asker_).raft_address(),
                            .cluster = world->machine(giver_).node().status().cluster};
    world->network().send(asker_, world->machine(giver_).raft_address(), wire::encode_frame(frame));
  }

  std::size_t giver_ = 0;
  std::size_t asker_ = 0;
  LogIndex told_;  // of the last image offered
};

TEST_F(ImageDrama, node_behind_a_compacted_log_takes_an_image) {
  begin(3);
  const std::size_t lagging = follower();
  world->crash(lagging, {}, std::nullopt);
  write_many(*world->leader(), 50);
  snapshot_everywhere();
  const raft::Core& core = world->machine(*world->leader()).node().core();
  ASSERT_GT(core.first_index().value, 40u);
  world->start_machine(lagging);
  ASSERT_TRUE(converge(*world, seconds(20))) << violation();
  EXPECT_EQ(world->reopenings(), 1u);
  EXPECT_EQ(read(lagging, 1, Level::none), "50");
  // It goes on as a member like any other.
  write_many(lagging, 3);
  EXPECT_EQ(read(lagging, 1, Level::linearizable), "53");
}

// Whatever step of fetching or installing an image is the last one, the node comes back with the
// old state or the new one, and catches up.
TEST_F(ImageDrama, image_survives_a_crash_at_every_step) {
  begin(3);
  const std::size_t lagging = follower();
  for (std::uint64_t operations = 0; operations < 45; ++operations) {
    world->crash(lagging, {}, std::nullopt);
    write_many(*world->leader(), 5);
    snapshot_everywhere();
    world->start_machine(lagging);
    const bool power = operations % 3 != 0;
    const auto loss = static_cast<Loss>(operations % 5);
    world->crash_in_job(lagging, operations, {.power = power, .loss = loss}, milliseconds(10));
    ASSERT_TRUE(converge(*world, seconds(30))) << operations << ": " << violation();
    world->heal();
    ASSERT_EQ(read(lagging, 1, Level::none), std::to_string(value_));
    // Until the image is let go, the log keeps what follows it.
    world->run_for(seconds(8));
  }
  EXPECT_GE(world->reopenings(), 40u);
}

// The staged image is in the cache, whole and right, and not on the disk: the sync that says so
// ends the process. What the next life finds there it must not believe to be stored.
TEST_F(ImageDrama, image_whose_sync_failed_is_written_again) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    begin(3, seed);
    value_ = 0;
    const std::size_t lagging = follower();
    world->crash(lagging, {}, std::nullopt);
    write_many(*world->leader(), 50);
    snapshot_everywhere();
    world->start_machine(lagging);
    bool pieces = false;
    world->network().watch([&](std::size_t, std::string_view bytes) {
      const auto frame = wire::decode_frame(bytes);
      if (frame && std::holds_alternative<wire::ImageReply>(frame->body)) pieces = true;
    });
    ASSERT_TRUE(world->run_until([&] { return pieces; }, seconds(5)));
    world->fail_syncs(lagging, 1);
    ASSERT_TRUE(converge(*world, seconds(20))) << "seed " << seed << ": " << violation();
    world->crash(lagging, {.power = true, .loss = Loss::all}, milliseconds(1));
    ASSERT_TRUE(converge(*world, seconds(20))) << "seed " << seed << ": " << violation();
    EXPECT_TRUE(read_tables(*world, lagging)) << "seed " << seed;
    EXPECT_EQ(violation(), "") << "seed " << seed;
    EXPECT_EQ(world->repairs(), 0u) << "seed " << seed;
  }
}

// It lets the old one go, however often it is asked for what it cannot give.
TEST_F(ImageDrama, node_that_holds_an_image_too_old_soon_has_a_newer_one) {
  begin_asking(calm_swarm());
  ask_for(LogIndex{1});
  world->run_for(milliseconds(500));
  const LogIndex old = told_;
  ASSERT_GE(old, LogIndex{1});
  write_many(giver_, 20);
  const LogIndex least = world->machine(giver_).node().core().commit();
  ASSERT_GT(least, old);
  for (int i = 0; i < 40 && told_ < least; ++i) {
    ask_for(least);
    world->run_for(milliseconds(500));
  }
  EXPECT_GE(told_, least);
}

// An image that held the write-ahead file back until it was too long is ended for a checkpoint. The
// next one must wait for that checkpoint, or it is ended in its turn, and so for ever.
TEST_F(ImageDrama, image_asked_for_again_and_again_leaves_room_for_the_checkpoint) {
  Swarm swarm = calm_swarm();
  swarm.node.wal_bytes_max = 64u << 10;
  begin_asking(swarm);
  const auto wal_bytes = [&] { return world->machine(giver_).node().status().wal_bytes; };
  while (wal_bytes() < swarm.node.wal_bytes_max) {
    ask_for(LogIndex{1});
    write_many(giver_, 1);
    ASSERT_LT(value_, 1000);
  }
  for (int i = 0; i < 100; ++i) {
    ask_for(LogIndex{1});
    world->run_for(milliseconds(20));
  }
  EXPECT_EQ(wal_bytes(), 0u);
  EXPECT_EQ(told_, world->machine(giver_).node().core().commit());
}

// A node has all of an image, and is then stopped for longer than anybody waits for the next ask:
// writes and snapshots go on. When it goes on, the log that leads on from its image is still there.
TEST_F(ImageDrama, log_above_an_image_is_kept_until_its_receiver_has_caught_up) {
  for (const Bug bug : {Bug::none, Bug::log_let_go_with_image}) {
    switch_bug_on(bug);
    value_ = 0;
    Swarm swarm = calm_swarm();
    swarm.node.log_keep_entries = 2;
    begin(swarm, 1);
    const std::size_t leader = *world->leader();
    const std::size_t lagging = follower();
    world->crash(lagging, {}, std::nullopt);
    write_many(leader, 30);
    snapshot_everywhere();
    world->start_machine(lagging);
    int parts = -1;  // that are still to be sent; each fits into one piece
    world->network().watch([&](std::size_t, std::string_view bytes) {
      const auto frame = wire::decode_frame(bytes);
      const auto* reply = frame ? std::get_if<wire::ImageReply>(&frame->body) : nullptr;
      if (reply == nullptr) return;
      if (reply->kind == wire::ImageReply::Kind::head)
        parts = reply->head.wal_bytes > 0 ? 2 : 1;
      else
        --parts;
    });
    ASSERT_TRUE(world->run_until([&] { return parts == 0; }, seconds(5)));
    world->pause(lagging, seconds(20));
    for (int i = 0; i < 10; ++i) {
      write_many(leader, 5);
      world->run_for(seconds(1));
      snapshot_everywhere();
    }
    ASSERT_TRUE(converge(*world, seconds(60))) << violation();
    EXPECT_EQ(world->reopenings(), bug == Bug::none ? 1u : 2u);
    // And then it is let go.
    world->run_for(seconds(8));
    write_many(leader, 10);
    snapshot_everywhere();
    const raft::Core& core = world->machine(leader).node().core();
    EXPECT_GE(core.first_index() + 5, core.commit());
  }
  switch_bug_on(Bug::none);
}

TEST_F(ImageDrama, writes_go_on_while_an_image_travels) {
  begin(3);
  const std::size_t lagging = follower();
  world->crash(lagging, {}, std::nullopt);
  write_many(*world->leader(), 20);
  snapshot_everywhere();
  world->start_machine(lagging);
  for (int i = 0; i < 20; ++i) {
    write_many(*world->leader(), 2);
    world->run_for(milliseconds(20));
  }
  ASSERT_TRUE(converge(*world, seconds(20))) << violation();
  EXPECT_EQ(read(lagging, 1, Level::none), std::to_string(value_));
}

}  // namespace
}  // namespace lockstep::sim
