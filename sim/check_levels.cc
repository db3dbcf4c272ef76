// One sweep over the calls and returns of reads. Each read takes the earliest state it can, which
// leaves the most room for the reads after it; so if the sweep fails, every choice fails.
#include "sim/check_levels.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "sim/check_log.h"

namespace lockstep::check {

const char* fault_name(Fault fault) {
  switch (fault) {
    case Fault::not_a_state:
      return "not a state";
    case Fault::torn:
      return "torn";
    case Fault::from_future:
      return "from the future";
    case Fault::went_back:
      return "went back";
    case Fault::too_old:
      return "too old";
    case Fault::lost:
      return "lost";
    case Fault::resurrected:
      return "resurrected";
    case Fault::twice:
      return "twice";
    case Fault::out_of_order:
      return "out of order";
  }
  return "";
}

namespace {

struct Floor {
  Place place = 0;
  std::optional<std::uint32_t> set_by;  // a read
};

bool is_current(Level level) {
  return level == Level::linearizable || level == Level::strong;
}

class Levels {
 public:
  Levels(const History& history, const Value& initial)
      : history_(history), initial_(initial), log_(history, initial) {}

  LevelsResult run() {
    for (const Violation& v : log_.violations()) add(v);
    sweep();
    for (std::uint32_t i = 0; i < history_.operations.size(); ++i) judge_writer(i);
    count();
    // What is wrong with the log first: it is the cause of much else.
    std::ranges::sort(out_.violations, {}, [](const Violation& v) {
      return std::tuple(v.fault < Fault::lost, v.operation, v.fault);
    });
    if (out_.violations.size() > kViolationsMax) out_.violations.resize(kViolationsMax);
    out_.entries = log_.end();
    return std::move(out_);
  }

 private:
  // (node, start) for none; ("", 0) for all reads at the levels that must be current.
  using Line = std::pair<std::string, std::uint64_t>;

  [[nodiscard]] std::optional<Line> line_of(const Operation& o) const {
    if (is_current(o.level)) return Line{"", 0};
    if (o.level == Level::none && !o.node.empty()) return Line{o.node, o.start};
    return std::nullopt;
  }

  void sweep() {
    struct Moment {
      std::int64_t time;
      bool is_return;
      std::uint32_t operation;
      auto operator<=>(const Moment&) const = default;
    };
    std::vector<Moment> moments;
    for (std::uint32_t i = 0; i < history_.operations.size(); ++i) {
      const Operation& o = history_.operations[i];
      if (!is_pure_read(o) || o.outcome != Outcome::ok) continue;
      moments.push_back({o.called, false, i});
      moments.push_back({o.returned, true, i});
    }
    std::ranges::sort(moments);
    std::map<Line, Floor> lines;
    std::map<std::uint32_t, Floor> floors;  // of the open reads
    for (const Moment& m : moments) {
      const auto line = line_of(history_.operations[m.operation]);
      if (!m.is_return) {
        if (line) floors[m.operation] = lines[*line];
        continue;
      }
      const auto seen = judge_read(m.operation, floors[m.operation]);
      floors.erase(m.operation);
      if (line && seen && *seen > lines[*line].place) lines[*line] = {*seen, m.operation};
    }
  }

  // The state it came from, as early as possible; nothing after a violation.
  std::optional<Place> judge_read(std::uint32_t operation, const Floor& floor) {
    const Operation& o = history_.operations[operation];
    const Place hi = log_.asked_by(o.returned);
    const Place lo = log_.acknowledged_before(o.called);
    const std::vector<Interval> fits = fitting(o);
    std::optional<Place> newest;
    std::optional<Place> earliest;
    const Place least = is_current(o.level) ? std::max(lo, floor.place) : floor.place;
    for (const Interval& i : fits) {
      if (i.from > hi) break;
      newest = std::min(i.end - 1, hi);
      if (!earliest && *newest >= least) earliest = std::max(i.from, least);
    }
    LevelCounts& counts = out_.counts[static_cast<std::size_t>(o.level)];
    ++counts.reads;
    if (!newest) {
      accuse_impossible(operation, !fits.empty(), hi);
      return std::nullopt;
    }
    const Place behind = *newest < lo ? lo - *newest : 0;
    behind_[static_cast<std::size_t>(o.level)].push_back(behind);
    if (behind > 0) ++counts.stale;
    if (!earliest) accuse_old(operation, *newest, lo, floor);
    return earliest;
  }

  // Places at which all rows hold.
  [[nodiscard]] std::vector<Interval> fitting(const Operation& o) const {
    std::vector<Interval> out{{0, log_.end() + 1}};
    if (o.kind == Kind::read && o.known) out = intersect(out, log_.where(o.key, o.value));
    for (const Access& a : o.accesses) {
      if (a.known) out = intersect(out, log_.where(a.key, a.value));
    }
    return out;
  }

  void accuse_impossible(std::uint32_t operation, bool fits_later, Place hi) {
    const Operation& o = history_.operations[operation];
    std::vector<Access> rows = o.accesses;
    if (o.kind == Kind::read) rows.push_back({false, o.key, o.value, o.known});
    Fault fault = fits_later ? Fault::from_future : Fault::torn;
    std::string words;
    for (const Access& row : rows) {
      if (!row.known) continue;
      const auto where = log_.where(row.key, row.value);
      words +=
          fmt::format("\n    {} = {}: {}", row.key, describe_value(row.value), where_words(where));
      if (where.empty()) {
        fault = Fault::not_a_state;
      } else if (where.front().from > hi && fault != Fault::not_a_state) {
        fault = Fault::from_future;
      }
    }
    accuse(operation, fault,
           fmt::format("no committed state up to index {} has what it saw{}", log_.index_at(hi),
                       words));
  }

  [[nodiscard]] std::string where_words(std::span<const Interval> where) const {
    if (where.empty()) return "never committed";
    std::string out;
    for (std::size_t i = 0; i < where.size() && i < 4; ++i) {
      out += fmt::format("{}index {} to ", i ? ", " : "", log_.index_at(where[i].from));
      out += where[i].end > log_.end() ? "the end"
                                       : fmt::format("before {}", log_.index_at(where[i].end));
    }
    return where.size() > 4 ? out + ", ..." : out;
  }

  void accuse_old(std::uint32_t operation, Place newest, Place lo, const Floor& floor) {
    const Operation& o = history_.operations[operation];
    if (is_current(o.level) && newest < lo) {
      accuse(operation, Fault::too_old,
             fmt::format("saw index {} at most, but index {} had been acknowledged before it was "
                         "called",
                         log_.index_at(newest), log_.index_at(lo)));
      return;
    }
    std::string earlier = "an earlier write";
    if (floor.set_by) earlier = describe(history_.operations[*floor.set_by], history_.unit);
    accuse(operation, Fault::went_back,
           fmt::format("saw index {} at most, but index {} had been seen before by\n    {}",
                       log_.index_at(newest), log_.index_at(floor.place), earlier));
  }

  // What a write saw, it must have seen in the state just before its own entry.
  void judge_writer(std::uint32_t operation) {
    const Operation& o = history_.operations[operation];
    if (!writes_of(o).empty()) ++out_.writes;
    const auto place = log_.place_of(operation);
    if (!place || o.outcome != Outcome::ok) return;
    const auto judge_row = [&](const std::string& key, const Value& value) {
      const auto where = log_.where(key, value);
      const bool held = std::ranges::any_of(
          where, [&](const Interval& i) { return i.from < *place && *place <= i.end; });
      if (held) return;
      accuse(operation, Fault::not_a_state,
             fmt::format("took effect at index {}, where {} was not {} but: {}",
                         log_.index_at(*place), key, describe_value(value), where_words(where)));
    };
    if (o.kind == Kind::cas && o.matched) judge_row(o.key, o.expected);
    std::map<std::string, bool> own;
    for (const Access& a : o.accesses) {
      if (a.writes) {
        own[a.key] = true;
      } else if (a.known && !own.contains(a.key)) {
        judge_row(a.key, a.value);
      }
    }
  }

  void accuse(std::uint32_t operation, Fault fault, std::string_view what) {
    add({.fault = fault,
         .operation = operation,
         .words =
             fmt::format("{}: {}", describe(history_.operations[operation], history_.unit), what)});
  }
  void add(Violation violation) {
    ++out_.violation_count;
    if (out_.violations.size() < 10 * kViolationsMax)
      out_.violations.push_back(std::move(violation));
  }

  void count() {
    for (std::size_t level = 0; level < 4; ++level) {
      std::vector<Place>& behind = behind_[level];
      if (behind.empty()) continue;
      std::ranges::sort(behind);
      const auto percentile = [&](std::size_t percent) {
        return behind[(behind.size() * percent + 99) / 100 - 1];
      };
      LevelCounts& counts = out_.counts[level];
      counts.behind_p50 = percentile(50);
      counts.behind_p90 = percentile(90);
      counts.behind_p99 = percentile(99);
      counts.behind_max = behind.back();
    }
  }

  const History& history_;
  const Value& initial_;
  LogView log_;
  LevelsResult out_;
  std::vector<Place> behind_[4];
};

}  // namespace

Result<LevelsResult> check_levels(const History& history, const Value& initial) {
  for (const Operation& o : history.operations) {
    const bool fits =
        o.kind == Kind::read || o.kind == Kind::write || o.kind == Kind::cas || o.kind == Kind::txn;
    if (!fits) {
      return fail(Errc::invalid, fmt::format("levels are not judged for {}", kind_name(o.kind)));
    }
    if (o.returned < o.called || (o.outcome == Outcome::ok && o.returned == kOpen)) {
      return fail(Errc::invalid, "an operation ends before it begins, or is ok without an end: " +
                                     describe(o, history.unit));
    }
  }
  for (std::size_t i = 1; i < history.log.size(); ++i) {
    if (history.log[i].index < history.log[i - 1].index) {
      return fail(Errc::invalid, "log entries must ascend");
    }
  }
  return Levels(history, initial).run();
}

std::string describe(const LevelsResult& result) {
  std::string out = fmt::format("{} writes, {} log entries\n", result.writes, result.entries);
  for (const Level level : {Level::none, Level::weak, Level::linearizable, Level::strong}) {
    const LevelCounts& c = result.counts[static_cast<std::size_t>(level)];
    if (c.reads == 0) continue;
    out += fmt::format("{}: {} reads, {} stale; entries behind: p50 {}, p90 {}, p99 {}, max {}\n",
                       level_name(level), c.reads, c.stale, c.behind_p50, c.behind_p90,
                       c.behind_p99, c.behind_max);
  }
  for (const Violation& v : result.violations) {
    out += fmt::format("{}: {}\n", fault_name(v.fault), v.words);
  }
  if (result.violation_count > result.violations.size()) {
    out += fmt::format("and {} more\n", result.violation_count - result.violations.size());
  }
  return out;
}

}  // namespace lockstep::check
