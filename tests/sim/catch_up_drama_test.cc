// A drama of a follower that was away: what it lacks is sent as fast from the disk as from memory.
#include "tests/sim/drama.h"

namespace lockstep::sim {
namespace {

class CatchUpDrama : public Drama {
 protected:
  // How long it takes over links of 5 ms.
  Duration catch_up(std::uint64_t cache_bytes) {
    Swarm swarm = calm_swarm();
    swarm.nodes = 3;
    swarm.network.delay_min = milliseconds(5);
    swarm.network.delay_max = milliseconds(6);
    swarm.network.in_order = true;
    swarm.node.raft.message_bytes_max = 8'000;
    swarm.node.raft.inflight_bytes_max = 64'000;  // eight messages, as in production
    swarm.node.cache_bytes_max = cache_bytes;
    swarm.node.batch_entries_max = 16;
    begin(swarm, 1);
    const std::size_t leader = *world->leader();
    const std::size_t away = (leader + 1) % 3;
    world->crash(away, {}, std::nullopt);
    int acknowledged = 0;
    for (int i = 0; i < kEntries; ++i) {
      world->machine(leader).as_step([&](node::Node& node) {
        wire::CommandWriter writer(wire::CommandKind::execute, false, false, {});
        writer.statement("INSERT OR REPLACE INTO kv(k, v) VALUES (1, 1) /* " +
                         std::string(50, 'x') + " */");
        node.write(writer.take(),
                   [&](const Result<node::Answer>& answer) { acknowledged += answer ? 1 : 0; });
      });
    }
    EXPECT_TRUE(world->run_until([&] { return acknowledged == kEntries; }, seconds(100)));
    const TimePoint begun = world->now();
    world->start_machine(away);
    EXPECT_TRUE(world->run_until(
        [&] {
          return world->machine(away).running() &&
                 core(away).durable_index() == core(leader).last_index();
        },
        seconds(100)));
    return world->now() - begun;
  }
  const raft::Core& core(std::size_t machine) { return world->machine(machine).node().core(); }

  static constexpr int kEntries = 6'000;
};

TEST_F(CatchUpDrama, is_as_fast_from_the_disk_as_from_memory) {
  const Duration from_memory = catch_up(std::uint64_t{64} << 20);
  const Duration from_disk = catch_up(4'000);
  EXPECT_LE(2 * from_disk, 5 * from_memory)
      << from_disk / milliseconds(1) << " ms, " << from_memory / milliseconds(1) << " ms";
}

}  // namespace
}  // namespace lockstep::sim
