#include "node/log_holds.h"

#include <algorithm>
#include <string>
#include <utility>

namespace lockstep::node {
namespace {

constexpr Duration kSilentMax = seconds(300);
constexpr std::size_t kHoldsMax = 64;

}  // namespace

LogHolds::LogHolds(env::Env env, std::uint64_t log_bytes_min, const Consensus& consensus)
    : env_(env), log_bytes_min_(log_bytes_min), consensus_(consensus), overdue_(env, "image") {}

void LogHolds::hold(const NodeId& node, LogIndex at, std::uint64_t image_bytes) {
  if (holds_.size() >= kHoldsMax && !holds_.contains(node))
    holds_.erase(std::ranges::min_element(holds_, {},
                                          [](const auto& each) { return each.second.heard_at; }));
  const TimePoint now = env_.clock.now();
  holds_[node] = {
      .above = at,
      .commit_before = consensus_.core().commit(),
      .told_at = now,
      .heard_at = now,
      .written_end = consensus_.log_bytes_written() + std::max(image_bytes, log_bytes_min_)};
}

void LogHolds::heard_of(const NodeId& node) {
  const auto found = holds_.find(node);
  if (found != holds_.end()) found->second.heard_at = env_.clock.now();
}

void LogHolds::look() {
  for (auto it = holds_.begin(); it != holds_.end();) {
    const bool over = is_over(it->first, it->second);
    it = over ? holds_.erase(it) : std::next(it);
  }
  if (holds_.empty()) return overdue_.over();
  const auto& [node, hold] = *holds_.begin();
  overdue_.waits("the log above index " + to_string(hold.above) + " is kept for node " +
                 node.value + ", which takes an image");
}

bool LogHolds::is_over(const NodeId& node, Hold& hold) const {
  const auto& core = consensus_.core();
  const TimePoint now = env_.clock.now();
  if (core.role() == raft::Role::leader) {
    const auto match = core.match_index(node);
    if (!match) return true;
    // What it acknowledged before it needed an image may be what it has lost.
    const bool answers = core.last_contact(node) > hold.told_at;
    if (answers && *match >= hold.commit_before) return true;
    if (answers && *match > hold.above) {
      hold.above = *match;
      hold.heard_at = now;
    }
    hold.commit_before = core.commit();
  }
  return now - hold.heard_at >= kSilentMax || consensus_.log_bytes_written() >= hold.written_end;
}

std::optional<LogIndex> LogHolds::lowest() const {
  std::optional<LogIndex> lowest;
  for (const auto& [node, hold] : holds_)
    lowest = std::min(lowest.value_or(hold.above), hold.above);
  return lowest;
}

}  // namespace lockstep::node
