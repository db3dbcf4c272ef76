#include "node/vigil.h"

#include <utility>

#include "base/bugs.h"

namespace lockstep::node {
namespace {

constexpr Duration kLookInterval = milliseconds(500);
// A disk that completes nothing for so long hangs; the slowest that work take a tenth of it.
constexpr Duration kDiskPatience = seconds(5);
// A single statement may take this long, everywhere alike: another leader would help nobody.
constexpr Duration kApplyPatience = seconds(30);
// Clocks that are disciplined step by less.
constexpr Duration kClockAheadMax = seconds(10);

}  // namespace

Vigil::Vigil(env::Env env, Consensus& consensus, Applier& applier, Proposer& proposer,
             std::function<std::string()> waits_for)
    : env_(env),
      consensus_(consensus),
      applier_(applier),
      proposer_(proposer),
      waits_for_(std::move(waits_for)),
      overdue_(env, "node"),
      ticker_(env, kLookInterval, [this] { look(); }) {}

void Vigil::start() {
  applied_at_ = env_.clock.now();
  ticker_.start();
}

void Vigil::look() {
  look_at_disk();
  look_at_applier();
  look_at_clock();
  look_at_waiting();
}

// With nobody to hand it to, it goes on to serve what it can.
bool Vigil::is_alone() const {
  return consensus_.core().membership().voter_count() <= 1;
}

void Vigil::look_at_disk() {
  if (LOCKSTEP_BUG(hung_disk_leads) || is_alone()) return;
  if (consensus_.disk_waits() < kDiskPatience) return;
  hand_over("the disk of the log has completed nothing for " +
            std::to_string(kDiskPatience / seconds(1)) + " s");
}

void Vigil::look_at_applier() {
  const TimePoint now = env_.clock.now();
  const bool idle = applier_.applied() >= consensus_.core().apply_limit();
  if (idle || applier_.applied() != applied_) {
    applied_ = applier_.applied();
    applied_at_ = now;
    return;
  }
  // Once for each entry: if it is the entry that takes so long, it does so everywhere.
  if (now - applied_at_ < kApplyPatience || stuck_at_ == applied_.next() || is_alone()) return;
  stuck_at_ = applied_.next();
  hand_over("entry " + to_string(stuck_at_) + " has not been applied for " +
            std::to_string(kApplyPatience / seconds(1)) + " s");
}

void Vigil::look_at_clock() {
  const Duration ahead = proposer_.stamps_ahead();
  if (ahead < kClockAheadMax) return;
  hand_over("the clock was set back: writes were stamped with a time that is still " +
            std::to_string(ahead / seconds(1)) + " s away");
}

void Vigil::hand_over(const std::string& why) {
  if (consensus_.core().role() != raft::Role::leader) return;
  env_.log.write(LogLevel::warning, "node", "leads no longer: " + why);
  consensus_.resign();
}

void Vigil::look_at_waiting() {
  const std::string text = waits_for_();
  text.empty() ? overdue_.over() : overdue_.waits("still waits: " + text);
}

}  // namespace lockstep::node
