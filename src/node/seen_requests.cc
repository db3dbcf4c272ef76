#include "node/seen_requests.h"

#include <algorithm>

namespace lockstep::node {
namespace {

constexpr std::uint64_t kWindow = 4096;  // remembered ids per run
constexpr std::size_t kRunsMax = 64;

}  // namespace

bool SeenRequests::first_time(const NodeId& from, std::uint64_t id) {
  const Key key{from, static_cast<std::uint32_t>(id >> 32)};
  // Of twice the width of a count: nothing below can wrap around.
  const std::uint64_t count = id & 0xffff'ffff;
  if (runs_.size() >= kRunsMax && !runs_.contains(key)) forget_oldest_run();
  Run& run = runs_[key];
  run.used = ++uses_;
  auto& counts = run.counts;
  if (!counts.empty() && count + kWindow <= *counts.rbegin()) return false;
  if (!counts.insert(count).second) return false;
  while (*counts.begin() + kWindow <= *counts.rbegin()) counts.erase(counts.begin());
  return true;
}

void SeenRequests::forget_oldest_run() {
  runs_.erase(
      std::ranges::min_element(runs_, {}, [](const auto& each) { return each.second.used; }));
}

}  // namespace lockstep::node
