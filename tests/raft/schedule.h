// Random schedules: one seed is one short life of a small cluster, with loss, doubling, reordering,
// cuts, crashes that lose what was not synced, compacted logs and images, and then a heal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lockstep::raft::test {

struct ScheduleResult {
  std::optional<std::string> violation;  // of safety, or "stuck: ..." if the healed cluster is
  // What happened, so that a test can ask for schedules that do something.
  std::uint64_t elections = 0;
  std::uint64_t committed = 0;
  std::uint64_t reads = 0;
  std::uint64_t changes = 0;
  std::uint64_t images = 0;  // installed because they were offered
};

// `membership`: members come and go all the time; otherwise in a third of the schedules.
// `images`: logs are compacted all the time; otherwise in a quarter of the schedules.
enum class Focus { anything, membership, images };

ScheduleResult run_schedule(std::uint64_t seed, std::uint64_t steps, Focus focus);

}  // namespace lockstep::raft::test
