// Histories of an imagined cluster that keeps its promises at every read level, with its log; and
// ways to break each promise, one operation at a time. The negative controls of the checkers: a
// checker that does not find every one of them is not a checker.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "sim/history.h"

namespace lockstep::check {

struct ClusterShape {
  std::uint32_t operations = 120;
  std::uint32_t clients = 5;
  std::uint32_t nodes = 3;
  std::uint32_t keys = 3;
  bool deletes = false;     // some writes write nothing
  bool multi_reads = true;  // some reads cover all keys
};

// Every written value is unique. Reads at none come from a node's own state, which lags behind and
// falls back when the node starts anew; at weak from a state that may lag too.
History cluster_history(Rng& rng, const ClusterShape& shape);

enum class Break {
  stale_read,     // linearizable read of a value overwritten before
  phantom,        // a value nobody wrote
  aborted_read,   // a value whose write was refused
  uncommitted,    // none: a value that never reached the log
  from_future,    // a value whose write began after the read ended
  time_travel,    // none: older than an earlier read on that node
  went_back,      // linearizable: older than an earlier linearizable read, no write acknowledged
  torn,           // rows of two moments in one answer
  lost_write,     // acknowledged, but not in the log
  resurrected,    // refused, but in the log
  applied_twice,  // in the log twice
  log_reordered,  // the log does not respect real time
  double_cas,     // two compare-and-sets from the same value succeeded
};
inline constexpr Break kBreaks[] = {Break::stale_read,  Break::phantom,       Break::aborted_read,
                                    Break::uncommitted, Break::from_future,   Break::time_travel,
                                    Break::went_back,   Break::torn,          Break::lost_write,
                                    Break::resurrected, Break::applied_twice, Break::log_reordered,
                                    Break::double_cas};
const char* break_name(Break kind);

// Breaks a promise in the history. Returns the operation to blame; nothing if the history offers no
// place for it (then it is unchanged).
std::optional<std::uint32_t> break_history(Rng& rng, Break kind, History& history);

// What linearizability is asked of: writes, and single-key reads at linearizable and strong.
History linearizable_part(const History& history);

}  // namespace lockstep::check
