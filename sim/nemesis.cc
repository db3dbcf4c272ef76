#include "sim/nemesis.h"

#include <fmt/format.h>

#include <utility>

namespace lockstep::sim {
namespace {

constexpr std::int64_t kDriftMax = 50'000;
constexpr std::uint64_t kJobOperationsMax = 25;

}  // namespace

Nemesis::Nemesis(World& world)
    : world_(world),
      rng_(world.rng().derive("nemesis")),
      reactions_(world.rng().derive("reactions")) {}

bool Nemesis::wants(Fault fault) const {
  return active() && world_.swarm().faults[static_cast<std::size_t>(fault)] > 0;
}

Duration Nemesis::draw_up_to(Duration most) {
  return Duration(rng_.below(static_cast<std::uint64_t>(most.count()) + 1));
}

Crash Nemesis::draw_crash(bool power) {
  return {.power = power, .loss = static_cast<Loss>(rng_.below(5))};
}

std::size_t Nemesis::leader_or_any() {
  const std::size_t any = draw_machine();
  return world_.leader().value_or(any);
}

void Nemesis::start(TimePoint until) {
  until_ = until;
  if (!world_.swarm().any_fault()) return;
  react_to_promises();
  react_to_leaders();
  react_to_log_writes();
  react_to_reopenings();
  schedule();
}

void Nemesis::schedule() {
  const Duration wait = draw_up_to(2 * world_.swarm().fault_interval);
  world_.queue().after(wait, [this] {
    if (!active()) return;
    std::uint64_t sum = 0;
    for (const unsigned weight : world_.swarm().faults) sum += weight;
    std::uint64_t at = rng_.below(sum);
    for (std::size_t i = 0; i < kFaults; ++i) {
      const unsigned weight = world_.swarm().faults[i];
      if (at < weight) {
        strike(static_cast<Fault>(i));
        break;
      }
      at -= weight;
    }
    schedule();
  });
}

void Nemesis::react_to_promises() {
  if (!wants(Fault::crash_after_vote) && !wants(Fault::crash_after_ack)) return;
  world_.on_promise = [this](std::size_t machine, Promise promise) {
    const bool vote = promise == Promise::vote;
    if (!wants(vote ? Fault::crash_after_vote : Fault::crash_after_ack)) return;
    if (!reactions_.chance(1, vote ? 6 : 150)) return;
    const bool power = reactions_.chance(2, 3);
    const auto loss = static_cast<Loss>(reactions_.below(5));
    const Duration within(reactions_.below(400'000));
    crash_soon(machine, {.power = power, .loss = loss}, within);
  };
}

void Nemesis::react_to_leaders() {
  if (!wants(Fault::crash_new_leader) && !wants(Fault::change_member)) return;
  world_.on_new_leader = [this](std::size_t machine) {
    // A change asked of a leader that has committed nothing yet is the dangerous one.
    if (wants(Fault::change_member) && reactions_.chance(1, 4)) {
      const std::size_t target = reactions_.below(world_.size());
      const Duration within(reactions_.below(10'000'000));
      world_.queue().after(within, [this, target] { change_member(target); });
    }
    if (!wants(Fault::crash_new_leader) || !reactions_.chance(1, 3)) return;
    const bool power = reactions_.chance(1, 3);
    // Long enough to replicate something, short enough to leave it undecided.
    const Duration within(reactions_.below(reactions_.chance(1, 2) ? 5'000'000 : 100'000'000));
    crash_soon(machine, {.power = power, .loss = Loss::all}, within);
  };
}

void Nemesis::react_to_log_writes() {
  if (!wants(Fault::crash_in_append)) return;
  world_.on_log_write = [this](std::size_t machine) {
    if (!wants(Fault::crash_in_append) || !reactions_.chance(1, 150)) return;
    const auto loss = static_cast<Loss>(reactions_.between(1, 4));
    const Duration restart(reactions_.below(200'000'000));
    // This write is the last thing that the process does.
    world_.crash_in_job(machine, 0, {.power = true, .loss = loss}, restart);
  };
}

// The steps of taking an image over are few and rare: half of them are cut short.
void Nemesis::react_to_reopenings() {
  if (!wants(Fault::die_in_job)) return;
  world_.on_reopen = [this](std::size_t machine) {
    if (!wants(Fault::die_in_job) || !reactions_.chance(1, 2)) return;
    const std::uint64_t operations = reactions_.below(60);
    const bool power = reactions_.chance(2, 3);
    const auto loss = static_cast<Loss>(reactions_.below(5));
    world_.machine(machine).crash_in_job(operations, {.power = power, .loss = loss});
  };
}

void Nemesis::crash_soon(std::size_t machine, Crash crash, Duration within) {
  world_.queue().after(within, [this, machine, crash] {
    if (active()) world_.crash(machine, crash, draw_restart());
  });
}

void Nemesis::strike(Fault fault) {
  ++strikes_;
  Trace& trace = world_.trace();
  trace.add("fault", static_cast<std::uint64_t>(fault));
  if (trace.has_text()) trace.say(fmt::format("fault: {}", fault_name(fault)));
  switch (fault) {
    case Fault::kill: {
      const std::size_t machine = draw_machine();
      return world_.crash(machine, {}, draw_restart());
    }
    case Fault::power_loss: {
      const std::size_t machine = draw_machine();
      const Crash crash = draw_crash(true);
      return world_.crash(machine, crash, draw_restart());
    }
    case Fault::power_loss_all:
      for (std::size_t i = 0; i < world_.size(); ++i) {
        const Crash crash = draw_crash(true);
        world_.crash(i, crash, draw_restart());
      }
      return;
    case Fault::die_in_job: {
      const std::size_t machine = draw_machine();
      // Few operations: between the write and the sync of the next append, likely.
      const bool soon = rng_.chance(1, 2);
      const std::uint64_t operations = rng_.between(1, soon ? 3 : kJobOperationsMax);
      const bool power = rng_.chance(2, 3);
      const Crash crash = draw_crash(power);
      return world_.crash_in_job(machine, operations, crash, draw_restart());
    }
    case Fault::restart_storm: {
      const std::size_t machine = draw_machine();
      const bool follow_leader = rng_.chance(2, 3);
      return storm(machine, follow_leader, rng_.between(3, 8));
    }
    case Fault::pause:
    case Fault::pause_leader: {
      const std::size_t machine = fault == Fault::pause ? draw_machine() : leader_or_any();
      return world_.pause(machine, draw_length());
    }
    case Fault::isolate_leader:
      return isolate_leader();
    case Fault::isolate_one:
      return isolate(draw_machine());
    case Fault::split:
      world_.network().split(rng_.below(std::uint64_t{1} << world_.size()));
      return cut_for_a_while();
    case Fault::one_way: {
      const std::size_t machine = rng_.chance(1, 2) ? leader_or_any() : draw_machine();
      const bool deaf = rng_.chance(1, 2);
      for (std::size_t i = 0; i < world_.size(); ++i) {
        if (i != machine) world_.network().set_cut(deaf ? i : machine, deaf ? machine : i, true);
      }
      return cut_for_a_while();
    }
    case Fault::clog: {
      const std::size_t from = draw_machine();
      const std::size_t to = draw_machine();
      return world_.network().clog(from, to, world_.now() + draw_length());
    }
    case Fault::slow_disk:
      return slow_disk(draw_machine());
    case Fault::clock_jump:
    case Fault::clock_drift:
    case Fault::wall_jump:
      return bend_clock(fault, draw_machine());
    case Fault::failed_sync: {
      const std::size_t machine = draw_machine();
      return world_.fail_syncs(machine, static_cast<unsigned>(rng_.between(1, 2)));
    }
    case Fault::change_member:
      return change_member(draw_machine());
    case Fault::bit_rot:
      return rot(draw_machine());
    case Fault::lost_disk:
      return lose_disk(draw_machine());
    case Fault::full_disk:
      return fill_disk(draw_machine());
    case Fault::hand_over:
      return hand_over();
    case Fault::snapshot:
      return snapshot(draw_machine());
    case Fault::crash_after_vote:
    case Fault::crash_after_ack:
    case Fault::crash_in_append:
    case Fault::crash_new_leader:
    case Fault::count_:
      return;  // These wait for their moment.
  }
}

void Nemesis::storm(std::size_t machine, bool follow_leader, std::uint64_t left) {
  if (left == 0 || !active()) return;
  const std::size_t target = follow_leader ? world_.leader().value_or(machine) : machine;
  const bool power = rng_.chance(1, 3);
  const Crash crash = draw_crash(power);
  world_.crash(target, crash, draw_up_to(milliseconds(100)));
  const Duration election = world_.swarm().node.raft.election_timeout;
  world_.queue().after(draw_up_to(3 * election), [this, machine, follow_leader, left] {
    storm(machine, follow_leader, left - 1);
  });
}

void Nemesis::cut_for_a_while() {
  const std::uint64_t cut = ++cuts_;
  world_.queue().after(draw_length(), [this, cut] {
    if (cut == cuts_) world_.network().heal(false);
  });
}

void Nemesis::isolate(std::size_t machine) {
  world_.network().split(std::uint64_t{1} << machine);
  cut_for_a_while();
}

// Sometimes its clock runs at half speed meanwhile, so that it believes in itself for longer than
// the others wait.
void Nemesis::isolate_leader() {
  const std::size_t number = leader_or_any();
  isolate(number);
  if (!rng_.chance(1, 2)) return;
  world_.machine(number).set_drift(-static_cast<std::int64_t>(rng_.between(300'000, 499'000)));
  world_.queue().after(draw_length(), [this, number] { world_.machine(number).set_drift(0); });
}

void Nemesis::bend_clock(Fault fault, std::size_t number) {
  Machine& machine = world_.machine(number);
  if (fault == Fault::clock_drift) {
    const auto shift = static_cast<std::int64_t>(rng_.below(2 * kDriftMax + 1));
    machine.set_drift(shift - kDriftMax);
  } else if (fault == Fault::clock_jump) {
    machine.jump_clock(draw_up_to(seconds(10)));
  } else {
    machine.jump_wall(static_cast<std::int64_t>(rng_.below(7'200'000)) - 3'600'000);
  }
}

void Nemesis::slow_disk(std::size_t number) {
  const DiskSpeed usual = world_.swarm().disk_speed;
  world_.machine(number).set_disk_speed({.sync_min = milliseconds(1),
                                         .sync_max = milliseconds(100),
                                         .operation_max = microseconds(100)});
  world_.queue().after(draw_length(),
                       [this, number, usual] { world_.machine(number).set_disk_speed(usual); });
}

void Nemesis::change_member(std::size_t machine) {
  const bool removes = rng_.chance(1, 2);
  world_.change_member(machine, removes ? Membership::none : Membership::learner);
  world_.queue().after(draw_length(), [this, machine] {
    world_.change_member(machine, world_.usual_membership(machine));
  });
}

// Only one machine of a cluster, as often as it may be: the other copies are what it is repaired
// from.
void Nemesis::rot(std::size_t machine) {
  if (machine >= world_.swarm().nodes) return;
  if (rotten_ && *rotten_ != machine) machine = *rotten_;
  world_.crash(machine, {}, draw_restart());
  if (world_.rot(machine, rng_)) rotten_ = machine;
}

// Only one machine of a cluster, and not the one that formed it: without others to join it would
// form another.
void Nemesis::lose_disk(std::size_t machine) {
  if (machine == 0 || machine >= world_.swarm().nodes) return;
  if (rotten_ && *rotten_ != machine) machine = *rotten_;
  rotten_ = machine;
  world_.lose_disk(machine, draw_restart(), true);
}

// Several at once may be full: the cluster then takes no writes, and goes on when there is room.
void Nemesis::fill_disk(std::size_t machine) {
  world_.set_full(machine, true);
  world_.queue().after(draw_length(), [this, machine] { world_.set_full(machine, false); });
}

void Nemesis::hand_over() {
  const auto led_by = world_.leader();
  if (!led_by) return;
  world_.machine(*led_by).as_step(
      [](node::Node& node) { node.transfer_leadership(std::nullopt, [](Status) {}); });
}

void Nemesis::snapshot(std::size_t machine) {
  world_.machine(machine).as_step([](node::Node& node) { node.snapshot(0, [](Result<bool>) {}); });
}

}  // namespace lockstep::sim
