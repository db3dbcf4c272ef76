// Reports of seeds: their bytes on the pipe between a sweep's processes, their sum, and the lines a
// person reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sim/run.h"
#include "sim/sim_options.h"

namespace lockstep::sim {

std::string encode(const SeedReport& report);
Result<SeedReport> decode_report(std::string_view bytes);

// Sums over seeds.
struct SweepReport {
  std::uint64_t seeds = 0;
  std::uint64_t violated = 0;
  std::uint64_t events = 0;
  std::uint64_t strikes = 0;
  std::uint64_t leaders = 0;
  std::uint64_t images = 0;   // taken over by nodes
  std::uint64_t repairs = 0;  // begun
  std::uint64_t entries = 0;
  Duration virtual_time{};
  std::array<Record::Count, kActs> counts{};
  Staleness staleness;
  std::optional<SeedReport> first_violated;  // the smallest seed

  void add(const SeedReport& report);
};

// The swarm, the counts, and last "hash " with 16 hexadecimal digits.
std::string describe(const SeedReport& report);
std::string describe(const SweepReport& report);
// What was violated, and how to see it again: the last lines of a run that failed.
std::string describe_violation(const SeedReport& report, const SimOptions& options);

}  // namespace lockstep::sim
