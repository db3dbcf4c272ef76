// Nemesis: breaks things, as often and in the ways that the swarm drew, biased toward moments that
// hurt: right after a vote, an acknowledgement or an election, and at whoever leads.
#pragma once

#include "base/rng.h"
#include "sim/swarm.h"
#include "sim/world.h"

namespace lockstep::sim {

class Nemesis {
 public:
  // `world` outlives it.
  explicit Nemesis(World& world);

  // Strikes until `until`. Ending what it began is World::heal()'s business.
  void start(TimePoint until);
  // One fault, now.
  void strike(Fault fault);
  [[nodiscard]] std::uint64_t strikes() const { return strikes_; }

 private:
  void schedule();
  void react_to_promises();
  void react_to_leaders();
  void react_to_log_writes();
  void react_to_reopenings();
  void crash_soon(std::size_t machine, Crash crash, Duration within);
  void storm(std::size_t machine, bool follow_leader, std::uint64_t left);
  void cut_for_a_while();
  void isolate(std::size_t machine);
  void isolate_leader();
  void bend_clock(Fault fault, std::size_t machine);
  void slow_disk(std::size_t machine);
  void change_member(std::size_t machine);
  void rot(std::size_t machine);
  void fill_disk(std::size_t machine);
  void lose_disk(std::size_t machine);
  void hand_over();
  void snapshot(std::size_t machine);

  [[nodiscard]] bool wants(Fault fault) const;
  [[nodiscard]] bool active() const { return world_.now() < until_; }
  std::size_t draw_machine() { return rng_.below(world_.size()); }
  std::size_t leader_or_any();
  Duration draw_up_to(Duration most);
  Duration draw_length() { return draw_up_to(world_.swarm().fault_length_max); }
  Duration draw_restart() { return draw_up_to(world_.swarm().restart_max); }
  Crash draw_crash(bool power);

  World& world_;
  Rng rng_;
  Rng reactions_;
  TimePoint until_{};
  std::uint64_t strikes_ = 0;
  std::uint64_t cuts_ = 0;
  std::optional<std::size_t> rotten_;
};

}  // namespace lockstep::sim
