#include "sim/swarm.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <utility>

namespace lockstep::sim {
namespace {

constexpr std::array<const char*, kFaults> kFaultNames = {
    "kill",
    "power loss",
    "power loss everywhere",
    "death in a job",
    "restart storm",
    "pause",
    "pause of the leader",
    "isolated leader",
    "isolated node",
    "split",
    "one-way cut",
    "clogged link",
    "slow disk",
    "clock jump",
    "clock drift",
    "wall clock jump",
    "failed sync",
    "crash after vote",
    "crash after ack",
    "crash in append",
    "crash of a new leader",
    "change of members",
    "bit rot",
    "lost disk",
    "full disk",
    "handover",
    "snapshot",
};
constexpr std::array<const char*, kActs> kActNames = {
    "write", "cas", "read", "read many", "increment", "transfer", "read bank", "insert random",
};
// How often a fault is taken when it is switched on; rare ones stop the whole cluster.
constexpr std::array<unsigned, kFaults> kFaultWeights = {
    8, 8, 3, 8, 4, 5, 8, 12, 5, 6, 6, 6, 4, 4, 3, 2, 4, 10, 10, 10, 6, 5, 10, 6, 4, 3, 4,
};

template <class T>
T pick(Rng& rng, std::initializer_list<T> from) {
  return *std::next(from.begin(), static_cast<std::ptrdiff_t>(rng.below(from.size())));
}

Duration draw_between(Rng& rng, Duration low, Duration high) {
  return Duration(rng.between(static_cast<std::uint64_t>(low.count()),
                              static_cast<std::uint64_t>(high.count())));
}

void draw_faults(Rng rng, Swarm& swarm) {
  const auto style = rng.below(100);
  if (style < 5) return;  // Faultless: checks that the oracles keep quiet.
  const bool single = style < 20;
  const bool storm = style >= 90;
  const auto only = rng.below(kFaults);
  for (std::size_t i = 0; i < kFaults; ++i) {
    const bool on = rng.chance(3, 5);
    const bool taken = single ? i == only : on;
    swarm.faults[i] = taken ? kFaultWeights[i] : 0;
  }
  // A rotten machine is away until it has repaired itself from the others: only where two are left.
  const bool rot = rng.chance(2, 5);
  // A removed member and a repairing one together could cost the quorum.
  auto& changes = swarm.faults[static_cast<std::size_t>(Fault::change_member)];
  if (rot || swarm.nodes < 3) changes = 0;
  auto& rotting = swarm.faults[static_cast<std::size_t>(Fault::bit_rot)];
  auto& losing = swarm.faults[static_cast<std::size_t>(Fault::lost_disk)];
  if (!rot || swarm.nodes < 3) rotting = losing = 0;
  // One of the two: what a rotten machine asks for, a replaced one may have been the last to hold.
  (rng.chance(1, 2) ? rotting : losing) = 0;
  swarm.fault_interval = storm ? draw_between(rng, milliseconds(150), milliseconds(500))
                               : draw_between(rng, milliseconds(500), seconds(3));
  swarm.fault_length_max = draw_between(rng, milliseconds(200), seconds(4));
  swarm.restart_max = draw_between(rng, milliseconds(20), seconds(2));
  swarm.faults_from_start = rng.chance(1, 4);
  // Before the others have joined, the first machine's disk is all there is.
  if (swarm.faults_from_start) rotting = losing = 0;
  swarm.drift_ppm_max = pick<std::int64_t>(rng, {0, 100, 50'000});
}

void draw_network(Rng rng, Swarm& swarm) {
  auto& network = swarm.network;
  network.delay_min = draw_between(rng, microseconds(50), microseconds(500));
  network.delay_max = network.delay_min +
                      draw_between(rng, microseconds(100), pick(rng, {2, 2, 20}) * milliseconds(1));
  network.straggler_per_10k = pick(rng, {0u, 10u, 100u});
  network.straggler_max = pick(rng, {20, 200, 1'500}) * milliseconds(1);
  network.in_order = rng.chance(1, 3);
  if (!swarm.any_fault()) return;
  network.straggler_per_10k *= pick(rng, {1u, 1u, 20u});
  // On an ordered link everything queues behind a straggler: with many of them nobody could ever be
  // elected, and no code would be to blame.
  if (network.in_order) network.straggler_per_10k = std::min(network.straggler_per_10k, 50u);
  network.loss_per_10k = pick(rng, {0u, 0u, 50u, 500u, 2000u});
  network.double_per_10k = pick(rng, {0u, 0u, 100u, 2000u});
  swarm.client_loss_per_10k = pick(rng, {0u, 50u, 300u});
}

void draw_machine(Rng rng, Swarm& swarm) {
  swarm.disk_speed.sync_max =
      draw_between(rng, microseconds(100), pick(rng, {1, 5, 20}) * milliseconds(1));
  swarm.lanes.read_lanes = static_cast<unsigned>(rng.between(1, 3));
  swarm.lanes.start_delay_max =
      draw_between(rng, microseconds(1), pick(rng, {1, 1, 5}) * milliseconds(1));
}

void draw_node(Rng rng, Swarm& swarm) {
  node::NodeOptions& node = swarm.node;
  node.raft.election_timeout = draw_between(rng, milliseconds(120), milliseconds(500));
  node.raft.heartbeat_interval = node.raft.election_timeout / static_cast<int>(rng.between(4, 8));
  node.raft.message_bytes_max = pick<std::uint64_t>(rng, {200, 2'000, 512u << 10});
  node.raft.inflight_bytes_max = node.raft.message_bytes_max * pick<std::uint64_t>(rng, {1, 4, 16});
  node.log.segment_bytes = pick<std::uint64_t>(rng, {16u << 10, 32u << 10, 128u << 10});
  node.batch_bytes_max = pick<std::uint64_t>(rng, {300, 4'000, 4u << 20});
  node.batch_entries_max = pick<std::uint64_t>(rng, {1, 4, 64, 1024});
  node.cache_bytes_max = pick<std::uint64_t>(rng, {200, 4'000, 16u << 20});
  node.pending_bytes_max = pick<std::uint64_t>(rng, {4'000, 1u << 20, 64u << 20});
  node.pending_reads_max = pick<std::uint64_t>(rng, {2, 1'000, 65'536});
  node.durable_point_entries = pick<std::uint64_t>(rng, {3, 10, 50, 8'192});
  node.checkpoint_wal_bytes = pick<std::uint64_t>(rng, {16u << 10, 128u << 10, 4u << 20});
  node.log_keep_entries = pick<std::uint64_t>(rng, {0, 2, 20, 10'240});
  node.image_piece_bytes = pick(rng, {4u << 10, 16u << 10, 256u << 10});
  node.wal_bytes_max = pick<std::uint64_t>(rng, {64u << 10, 1u << 20, 256u << 20});
  node.apply_timeout = draw_between(rng, milliseconds(500), seconds(4));
  node.database.cache_pages = pick(rng, {4, 20, 2'000});
  node.reads_at_once = pick(rng, {0u, 1u});
  node.held_log_bytes_min = pick<std::uint64_t>(rng, {16u << 10, 256u << 20});
}

void draw_clients(Rng rng, Swarm& swarm) {
  swarm.clients = rng.between(1, 8);
  swarm.keys = rng.between(1, 5);
  swarm.think_max = draw_between(rng, milliseconds(20), milliseconds(600));
  swarm.client_timeout = draw_between(rng, milliseconds(300), seconds(3));
  constexpr std::array<unsigned, kActs> kWeights = {30, 15, 40, 8, 8, 5, 4, 5};
  for (std::size_t i = 0; i < kActs; ++i) {
    const bool much = rng.chance(1, 4);
    const bool none = rng.chance(1, 6);
    swarm.acts[i] = none && i > 0 ? 0 : kWeights[i] * (much ? 3 : 1);
  }
  swarm.acts[static_cast<std::size_t>(Act::read)] += 10;
  swarm.levels = {3, 3, 6, 2};
  for (unsigned& level : swarm.levels) level *= pick(rng, {1u, 1u, 1u, 4u});
}

}  // namespace

const char* fault_name(Fault fault) {
  return kFaultNames[static_cast<std::size_t>(fault)];
}

const char* act_name(Act act) {
  return kActNames[static_cast<std::size_t>(act)];
}

bool Swarm::any_fault() const {
  for (const unsigned weight : faults) {
    if (weight > 0) return true;
  }
  return false;
}

Swarm calm_swarm() {
  Swarm swarm;
  swarm.network.straggler_per_10k = 0;
  swarm.client_loss_per_10k = 0;
  swarm.acts = {30, 15, 40, 8, 8, 5, 4, 5};
  swarm.levels = {1, 1, 2, 1};
  swarm.node.version = "sim";
  swarm.node.join_attempts = 1'000;
  swarm.node.join_interval = milliseconds(200);
  swarm.node.expect.patience = seconds(1'000);
  swarm.node.raft.election_timeout = milliseconds(300);
  swarm.node.raft.heartbeat_interval = milliseconds(50);
  swarm.node.log.segment_bytes = 64u << 10;
  swarm.node.apply_timeout = seconds(3);
  return swarm;
}

Swarm draw_swarm(Rng rng) {
  Swarm swarm = calm_swarm();
  Rng shape = rng.derive("shape");
  swarm.nodes = pick<std::size_t>(shape, {1, 3, 3, 3, 3, 3, 3, 5, 5, 5});
  const bool learner = shape.chance(1, 5);
  swarm.learner = learner && swarm.nodes > 1;
  swarm.safety = draw_between(shape, seconds(10), seconds(40));
  swarm.expect = rng.derive("expect").chance(1, 4) && swarm.nodes > 1;
  draw_faults(rng.derive("faults"), swarm);
  draw_network(rng.derive("network"), swarm);
  draw_machine(rng.derive("machine"), swarm);
  draw_node(rng.derive("node"), swarm);
  draw_clients(rng.derive("clients"), swarm);
  // As in production; in the other runs elections meet in one term, and so do the mistakes in them.
  if (rng.derive("terms").chance(1, 4)) swarm.node.raft.first_term_jump_max = 1u << 16;
  return swarm;
}

std::string describe(const Swarm& swarm) {
  const auto ms = [](Duration d) { return d / microseconds(1) / 1000.0; };
  std::string faults;
  for (std::size_t i = 0; i < kFaults; ++i) {
    if (swarm.faults[i] == 0) continue;
    faults += faults.empty() ? "" : ", ";
    faults += kFaultNames[i];
  }
  const node::NodeOptions& node = swarm.node;
  return fmt::format(
      "nodes {}{}{}, clients {}, keys {}, faults for {} s{}\n"
      "network {} to {} ms, lost {}, doubled {}, stragglers {} of 10000, {}\n"
      "disk sync up to {} ms, election after {} ms, heartbeat {} ms\n"
      "message {} B, segment {} B, batch {} entries {} B, durable point {} entries, checkpoint {} "
      "B, log keeps {}\n"
      "faults every {} ms for up to {} ms: {}",
      swarm.nodes, swarm.learner ? " and a learner" : "",
      swarm.expect ? " that expect each other" : "", swarm.clients, swarm.keys,
      swarm.safety / seconds(1), swarm.faults_from_start ? ", from the start" : "",
      ms(swarm.network.delay_min), ms(swarm.network.delay_max), swarm.network.loss_per_10k,
      swarm.network.double_per_10k, swarm.network.straggler_per_10k,
      swarm.network.in_order ? "in order" : "any order", ms(swarm.disk_speed.sync_max),
      ms(node.raft.election_timeout), ms(node.raft.heartbeat_interval), node.raft.message_bytes_max,
      node.log.segment_bytes, node.batch_entries_max, node.batch_bytes_max,
      node.durable_point_entries, node.checkpoint_wal_bytes, node.log_keep_entries,
      ms(swarm.fault_interval), ms(swarm.fault_length_max), faults.empty() ? "none" : faults);
}

}  // namespace lockstep::sim
