// Swarm: what one seed's world is like. Every option is drawn, absurdly small limits included,
// because a bug that needs a tiny segment and a slow disk together never shows under the average of
// both (Groce et al., "Swarm testing", 2012).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/rng.h"
#include "node/node.h"
#include "sim/machine.h"
#include "sim/network.h"

namespace lockstep::sim {

// What the nemesis does. Reactions (crash_*) wait for a moment instead of drawing one.
enum class Fault : std::uint8_t {
  kill,              // a process ends
  power_loss,        // a machine loses power
  power_loss_all,    // all machines do, at once
  die_in_job,        // a process ends between two disk operations of one job
  restart_storm,     // the same machine, or whoever leads, is killed again and again
  pause,             // a process stops for a while
  pause_leader,      //
  isolate_leader,    // the leader is cut off; clients still reach it
  isolate_one,       //
  split,             // two sides
  one_way,           // one machine hears nobody, or nobody hears it
  clog,              // a link holds everything back for a while
  slow_disk,         // syncs take long
  clock_jump,        // monotonic time jumps forward
  clock_drift,       // monotonic time changes its rate
  wall_jump,         // wall time jumps
  failed_sync,       // a sync fails, and what it should have kept may be gone
  crash_after_vote,  // a machine that has just voted loses power
  crash_after_ack,   // a machine that has just acknowledged entries loses power
  crash_in_append,   // power is lost between the write of a log batch and its sync
  crash_new_leader,  // whoever wins an election is killed soon
  change_member,     // a member is removed, or no longer votes; later it is as before
  bit_rot,           // a bit of the log or the database flips while the machine is off
  lost_disk,         // a machine comes back with an empty disk, and is replaced
  full_disk,         // nothing can grow for a while
  hand_over,         // the leader is asked to hand leadership over
  snapshot,          // a snapshot on demand, after which the log keeps nothing behind it
  count_
};
inline constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::count_);
const char* fault_name(Fault fault);

enum class Act : std::uint8_t {
  write,
  cas,
  read,
  read_many,
  increment,
  transfer,
  read_bank,
  insert_random,
  count_
};
inline constexpr std::size_t kActs = static_cast<std::size_t>(Act::count_);
const char* act_name(Act act);

struct Swarm {
  std::size_t nodes = 3;  // voters
  bool learner = false;   // one more machine, which never votes
  bool expect = false;    // the voters found the cluster together, instead of joining the first
  std::size_t clients = 4;
  std::size_t keys = 4;
  Duration safety = seconds(20);   // how long faults happen
  bool faults_from_start = false;  // also while the cluster forms
  Duration fault_interval = seconds(2);
  Duration fault_length_max = seconds(3);
  Duration restart_max = seconds(1);
  std::array<unsigned, kFaults> faults{};  // weights
  std::array<unsigned, kActs> acts{};      // weights
  std::array<unsigned, 4> levels{};        // weights of read levels, weakest first
  Duration think_max = milliseconds(200);  // between two requests of a client
  Duration client_timeout = seconds(1);
  unsigned client_loss_per_10k = 50;
  std::int64_t drift_ppm_max = 0;

  SimNetwork::Options network;
  DiskSpeed disk_speed;
  SimLanes::Options lanes;
  node::NodeOptions node;  // identity and seeds are filled in per start

  [[nodiscard]] std::size_t machines() const { return nodes + (learner ? 1 : 0); }
  [[nodiscard]] bool any_fault() const;
};

// The defaults of a scripted drama: three nodes, a fast and faultless world.
Swarm calm_swarm();
Swarm draw_swarm(Rng rng);
// A few lines for people.
std::string describe(const Swarm& swarm);

}  // namespace lockstep::sim
