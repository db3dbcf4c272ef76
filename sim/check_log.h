// The log as a sequence of states, and what is known of each entry's write: when it was asked for
// and when it was acknowledged. Positions count entries: S(0) is the initial state.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/check_levels.h"
#include "sim/history.h"

namespace lockstep::check {

using Place = std::uint32_t;  // a position

// Places [from, end).
struct Interval {
  Place from = 0;
  Place end = 0;
  friend bool operator==(const Interval&, const Interval&) = default;
};

class LogView {
 public:
  LogView(const History& history, const Value& initial);

  // The number of entries: the last place.
  [[nodiscard]] Place end() const { return static_cast<Place>(indexes_.size() - 1); }
  [[nodiscard]] std::uint64_t index_at(Place place) const { return indexes_[place]; }
  // Where the key has the value: ascending, disjoint.
  [[nodiscard]] std::span<const Interval> where(const std::string& key, const Value& value) const;
  // The last place whose entries had all been asked for by `moment`.
  [[nodiscard]] Place asked_by(std::int64_t moment) const;
  // The last place acknowledged strictly before `moment`; 0 if none.
  [[nodiscard]] Place acknowledged_before(std::int64_t moment) const;
  // The entry of a write, if it is certain.
  [[nodiscard]] std::optional<Place> place_of(std::uint32_t operation) const;
  // What is wrong with the writes and their order.
  [[nodiscard]] const std::vector<Violation>& violations() const { return violations_; }

 private:
  using Cell = std::pair<std::string, Value>;

  void read_log(const History& history, const Value& initial);
  void match_writes(const History& history);
  void match_write(const History& history, std::uint32_t operation,
                   const std::map<Cell, std::uint32_t>& writers);
  void note_moments(const History& history);
  void check_order(const History& history);

  std::vector<std::uint64_t> indexes_{0};  // by place
  std::map<Cell, std::vector<Interval>> where_;
  std::map<std::string, Value> initial_;  // keys of the log
  Value initial_value_;
  std::map<Cell, std::vector<Place>> written_;
  std::map<std::uint32_t, Place> places_;                     // by operation
  std::vector<std::int64_t> asked_;                           // by place, running maximum
  std::vector<std::pair<std::int64_t, Place>> acknowledged_;  // by moment, running maximum
  std::vector<Interval> always_;                              // for keys the log never touches
  std::vector<Violation> violations_;
};

// What an operation writes, last value per key.
std::map<std::string, Value> writes_of(const Operation& operation);
// Common places of both lists.
std::vector<Interval> intersect(std::span<const Interval> a, std::span<const Interval> b);

}  // namespace lockstep::check
