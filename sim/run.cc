#include "sim/run.h"

#include <memory>
#include <utility>
#include <vector>

#include "sim/client.h"
#include "sim/finale.h"
#include "sim/nemesis.h"
#include "sim/world.h"

namespace lockstep::sim {
namespace {

constexpr Duration kFormBound = seconds(20);

// Forms the cluster and its tables; true if both stand. With faults from the start they may not.
bool begin(World& world, Nemesis& nemesis) {
  world.start();
  const Swarm& swarm = world.swarm();
  if (swarm.faults_from_start) {
    nemesis.start(world.now() + swarm.safety);
    return set_up(world, swarm.safety / 2);
  }
  // Legal: not formed in time. The network may be that bad; the finale, without faults, insists.
  if (!world.run_until([&world] { return world.converged(); }, kFormBound)) return false;
  return set_up(world, kFormBound);
}

void safety_phase(World& world, Nemesis& nemesis, Record& record) {
  const Swarm& swarm = world.swarm();
  const TimePoint end = world.now() + swarm.safety;
  if (!swarm.faults_from_start) nemesis.start(end);
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < swarm.clients; ++i) {
    clients.push_back(std::make_unique<Client>(world, record, i));
    clients.back()->start(end);
  }
  const auto all_idle = [&clients] {
    for (const auto& client : clients) {
      if (!client->is_idle()) return false;
    }
    return true;
  };
  world.run_until(all_idle, swarm.safety + swarm.client_timeout + seconds(1));
}

}  // namespace

SeedReport run_seed(std::uint64_t seed, const RunOptions& options) {
  Swarm swarm = draw_swarm(Rng(seed).derive("swarm"));
  swarm.safety *= options.scale;
  SeedReport report;
  report.seed = seed;
  report.swarm = describe(swarm);
  World world(seed, std::move(swarm), options.text);
  Nemesis nemesis(world);
  Record record;
  const bool is_set_up = begin(world, nemesis);
  if (is_set_up && !world.violations().any()) safety_phase(world, nemesis, record);
  if (!world.violations().any()) run_finale(world, record, is_set_up);
  if (!world.violations().any()) judge_histories(world, record, &report.staleness);
  report.hash = world.trace().hash();
  report.events = world.queue().events_run();
  report.strikes = nemesis.strikes();
  report.leaders = world.raft_oracle().leaders().size();
  report.images = world.reopenings();
  report.repairs = world.repairs();
  report.entries = world.raft_oracle().committed().size();
  report.virtual_time = world.now().time_since_epoch();
  report.counts = record.counts;
  report.violation = world.violations().first();
  return report;
}

}  // namespace lockstep::sim
