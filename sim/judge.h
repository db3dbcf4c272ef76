// Judge: the last word on a run. Linearizable and strong reads together with all writes must be
// linearizable; every level must keep its own promise against the committed log; the tables must
// hold exactly what the committed entries make of them.
#pragma once

#include <array>
#include <cstdint>

#include "sim/workload.h"
#include "sim/world.h"

namespace lockstep::sim {

struct Staleness {
  std::array<std::uint64_t, 4> reads{};  // by level
  std::array<std::uint64_t, 4> stale{};
};

// Reports to world.violations(). Fills `record.history.log`. `staleness` may be null.
void judge_histories(World& world, Record& record, Staleness* staleness);
// What the tables hold at the end, as one node tells it.
struct Tables {
  std::string kv, counter, bank, noise;  // bodies of whole-table SELECTs, rendered by the node
  friend bool operator==(const Tables&, const Tables&) = default;
};
void judge_tables(World& world, const Record& record, const Tables& tables);

}  // namespace lockstep::sim
