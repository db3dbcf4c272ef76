// Read levels, judged against the order of the log. Precondition of everything here: the log is
// known (History::log), as it is in the simulator. S(p) is the state after the first p entries; a
// read must have come from one S(p) for all its rows, with
//
//   none          p <= hi: entries whose write had been called before the read returned; and per
//                 (node, start) p never goes back
//   weak          p <= hi
//   linearizable, strong
//                 lo <= p <= hi, lo: entries acknowledged before the read was called; and p never
//                 goes back from one such read to a later one, on whichever node
//
// so a value that is in no S(p) (uncommitted, rolled back, made up) is an error at every level, and
// so are rows of different moments in one answer. Also judged: acknowledged writes are in the log,
// failed ones are not, none is in it twice, and the log's order respects real time. All of it is
// exact, in O(n log n) for values that are written once; values may repeat.
//
// Not judged here: how stale `weak` may be (that depends on leases), and freshness bounds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "sim/history.h"

namespace lockstep::check {

enum class Fault {
  not_a_state,   // no S(p) with p <= hi has these rows
  torn,          // each row is in some S(p), but not all in one
  from_future,   // in a later state only
  went_back,     // older than an earlier read of that node and start (none), or of anybody
  too_old,       // linearizable or strong, but older than an acknowledged write
  lost,          // acknowledged but not in the log
  resurrected,   // failed, yet in the log
  twice,         // in the log more than once
  out_of_order,  // logged before a write that had been acknowledged before it was called
};
const char* fault_name(Fault fault);

struct Violation {
  Fault fault = Fault::not_a_state;
  std::uint32_t operation = 0;  // of the history
  std::string words;            // one line or a few
};

struct LevelCounts {
  std::uint64_t reads = 0;
  // Would have been refused at linearizable: every S(p) it fits has p < lo.
  std::uint64_t stale = 0;
  // How many entries older than lo, over all reads of the level (0 if not stale).
  std::uint64_t behind_p50 = 0, behind_p90 = 0, behind_p99 = 0, behind_max = 0;
};

struct LevelsResult {
  std::vector<Violation> violations;  // log first, then by operation; at most kViolationsMax
  std::uint64_t violation_count = 0;
  LevelCounts counts[4];  // by Level
  std::uint64_t writes = 0;
  std::uint64_t entries = 0;
};
inline constexpr std::size_t kViolationsMax = 100;

// `initial`: the value of every key before the first entry. A write is recognised in the log by its
// key and value; only values written once take part in the judgement of writes. Operations with an
// index are recognised by it. Reads that failed are not looked at. invalid: kinds other than read,
// write, cas, txn.
Result<LevelsResult> check_levels(const History& history, const Value& initial);

// Lines for people: counts by level, then the violations.
std::string describe(const LevelsResult& result);

}  // namespace lockstep::check
