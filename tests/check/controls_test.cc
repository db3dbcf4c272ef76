// Negative controls: every promise is broken many times over, and every break must be found by each
// checker whose business it is; and nothing may be found where nothing is broken. A found rate
// below 100 % fails the test.
#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/check_levels.h"
#include "sim/check_linear.h"
#include "tests/check/cluster_history.h"

namespace lockstep::check {
namespace {

constexpr std::uint64_t kSeeds = 150;

Fault expected_fault(Break kind) {
  switch (kind) {
    case Break::stale_read:
      return Fault::too_old;
    case Break::phantom:
    case Break::aborted_read:
    case Break::uncommitted:
    case Break::double_cas:
      return Fault::not_a_state;
    case Break::from_future:
      return Fault::from_future;
    case Break::time_travel:
    case Break::went_back:
      return Fault::went_back;
    case Break::torn:
      return Fault::torn;
    case Break::lost_write:
      return Fault::lost;
    case Break::resurrected:
      return Fault::resurrected;
    case Break::applied_twice:
      return Fault::twice;
    case Break::log_reordered:
      return Fault::out_of_order;
  }
  return Fault::lost;
}

// A read that went back is told as too old if an acknowledged write says the same.
bool fits(Fault found, Break kind) {
  if (found == expected_fault(kind)) return true;
  return kind == Break::went_back && found == Fault::too_old;
}

bool concerns_linearizability(Break kind, const Operation& blamed) {
  switch (kind) {
    case Break::stale_read:
    case Break::went_back:
    case Break::double_cas:
      return true;
    case Break::phantom:
    case Break::aborted_read:
    case Break::from_future:
      return blamed.kind == Kind::read && blamed.level >= Level::linearizable;
    default:
      return false;
  }
}

Verdict linear_verdict(const History& history) {
  const auto result = check_linear(linearizable_part(history), Model::cas_register, std::nullopt);
  EXPECT_TRUE(result) << result.error().text;
  return result ? result->verdict : Verdict::unknown;
}

TEST(Controls, nothing_is_found_where_nothing_is_broken) {
  std::uint64_t stale_at_none = 0;
  for (std::uint64_t seed = 0; seed < 2 * kSeeds; ++seed) {
    Rng rng(seed);
    const History history = cluster_history(rng, {.deletes = seed % 2 == 1});
    const auto levels = check_levels(history, std::nullopt);
    ASSERT_TRUE(levels);
    ASSERT_EQ(levels->violation_count, 0u) << "seed " << seed << "\n" << describe(*levels);
    ASSERT_EQ(linear_verdict(history), Verdict::valid) << "seed " << seed;
    for (const Level level : {Level::linearizable, Level::strong}) {
      ASSERT_EQ(levels->counts[static_cast<std::size_t>(level)].stale, 0u);
    }
    stale_at_none += levels->counts[0].stale;
  }
  // The weaker levels must be seen to be weaker, or the histories above prove little.
  EXPECT_GT(stale_at_none, kSeeds);
}

TEST(Controls, every_broken_promise_is_found) {
  for (const Break kind : kBreaks) {
    int broken = 0;
    int found = 0;
    int linear_broken = 0;
    int linear_found = 0;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      Rng rng(seed);
      History history = cluster_history(rng, {.operations = 160});
      const auto blamed = break_history(rng, kind, history);
      if (!blamed) continue;
      ++broken;
      const auto levels = check_levels(history, std::nullopt);
      ASSERT_TRUE(levels);
      found += std::ranges::any_of(levels->violations, [&](const Violation& v) {
        return v.operation == *blamed && fits(v.fault, kind) && !v.words.empty();
      });
      if (!concerns_linearizability(kind, history.operations[*blamed])) continue;
      ++linear_broken;
      linear_found += linear_verdict(history) == Verdict::invalid;
    }
    EXPECT_GT(broken, static_cast<int>(kSeeds) / 4) << break_name(kind);
    EXPECT_EQ(found, broken) << break_name(kind);
    EXPECT_EQ(linear_found, linear_broken) << break_name(kind);
    fmt::print("{:14} levels {}/{} linearizability {}/{}\n", break_name(kind), found, broken,
               linear_found, linear_broken);
  }
}

// The log order is one legal order: where it accuses no linearizable read, a search finds an order
// too. (Not the other way round: another order than the log's may be legal.)
TEST(Controls, histories_the_log_explains_are_linearizable) {
  int explained = 0;
  for (std::uint64_t seed = 0; seed < 2 * kSeeds; ++seed) {
    Rng rng(seed);
    History history = cluster_history(rng, {.operations = 60, .multi_reads = false});
    const Break kind = kBreaks[rng.below(std::size(kBreaks))];
    if (!break_history(rng, kind, history)) continue;
    const History part = linearizable_part(history);
    History with_log = part;
    with_log.log = history.log;
    const auto levels = check_levels(with_log, std::nullopt);
    ASSERT_TRUE(levels);
    if (levels->violation_count > 0) continue;
    ++explained;
    ASSERT_EQ(linear_verdict(part), Verdict::valid) << "seed " << seed << " " << break_name(kind);
  }
  EXPECT_GT(explained, 20);
}

}  // namespace
}  // namespace lockstep::check
