// Reading the log once, and finding each write of the history in it.
#include "sim/check_log.h"

#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>

namespace lockstep::check {

namespace {

constexpr std::int64_t kLongAgo = std::numeric_limits<std::int64_t>::min();

}  // namespace

std::map<std::string, Value> writes_of(const Operation& operation) {
  std::map<std::string, Value> out;
  const bool cas =
      operation.kind == Kind::cas && (operation.matched || operation.outcome == Outcome::info);
  if (operation.kind == Kind::write || cas) out[operation.key] = operation.value;
  for (const Access& a : operation.accesses) {
    if (a.writes) out[a.key] = a.value;
  }
  return out;
}

std::vector<Interval> intersect(std::span<const Interval> a, std::span<const Interval> b) {
  std::vector<Interval> out;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const Interval both{std::max(a[i].from, b[j].from), std::min(a[i].end, b[j].end)};
    if (both.from < both.end) out.push_back(both);
    if (a[i].end < b[j].end) {
      ++i;
    } else {
      ++j;
    }
  }
  return out;
}

LogView::LogView(const History& history, const Value& initial) : initial_value_(initial) {
  read_log(history, initial);
  match_writes(history);
  note_moments(history);
  check_order(history);
}

void LogView::read_log(const History& history, const Value& initial) {
  struct Current {
    Value value;
    Place from = 0;
  };
  std::map<std::string, Current> current;
  const auto close = [&](const std::string& key, const Current& c, Place end) {
    if (c.from < end) where_[{key, c.value}].push_back({c.from, end});
  };
  for (const LoggedWrite& w : history.log) {
    // Entries are told apart by their index; index 0 would be the initial state's.
    if (indexes_.size() == 1 || w.index != indexes_.back()) indexes_.push_back(w.index);
    const Place place = end();
    Current& c = current.try_emplace(w.key, Current{initial, 0}).first->second;
    close(w.key, c, place);
    c = {w.value, place};
    auto& places = written_[{w.key, w.value}];
    if (places.empty() || places.back() != place) places.push_back(place);
  }
  for (const auto& [key, c] : current) {
    close(key, c, end() + 1);
    initial_[key] = initial;
  }
  always_ = {{0, end() + 1}};
}

std::span<const Interval> LogView::where(const std::string& key, const Value& value) const {
  const auto at = where_.find({key, value});
  if (at != where_.end()) return at->second;
  if (!initial_.contains(key) && value == initial_value_) return always_;
  return {};
}

void LogView::match_writes(const History& history) {
  std::map<Cell, std::uint32_t> writers;  // how many operations write it
  for (const Operation& o : history.operations) {
    for (const auto& [key, value] : writes_of(o)) ++writers[{key, value}];
  }
  for (std::uint32_t i = 0; i < history.operations.size(); ++i) match_write(history, i, writers);
}

void LogView::match_write(const History& history, std::uint32_t operation,
                          const std::map<Cell, std::uint32_t>& writers) {
  const Operation& o = history.operations[operation];
  const auto accuse = [&](Fault fault, const std::string& what) {
    violations_.push_back({.fault = fault,
                           .operation = operation,
                           .words = fmt::format("{}: {}", describe(o, history.unit), what)});
  };
  for (const auto& [key, value] : writes_of(o)) {
    if (writers.at({key, value}) != 1) continue;
    const auto at = written_.find({key, value});
    if (at == written_.end()) {
      if (o.outcome == Outcome::ok) accuse(Fault::lost, "acknowledged, but not in the log");
      return;
    }
    const std::vector<Place>& places = at->second;
    if (o.outcome == Outcome::fail) {
      accuse(Fault::resurrected,
             fmt::format("refused, but in the log at index {}", indexes_[places.front()]));
      return;
    }
    if (places.size() > 1) {
      accuse(Fault::twice, fmt::format("in the log at index {} and again at {}",
                                       indexes_[places[0]], indexes_[places[1]]));
      return;
    }
    places_[operation] = places.front();
    return;
  }
  // Not told apart by value: by the index of its answer, if it has one.
  if (!o.index || o.outcome != Outcome::ok || writes_of(o).empty()) return;
  const auto at = std::ranges::lower_bound(indexes_.begin() + 1, indexes_.end(), *o.index);
  if (at != indexes_.end() && *at == *o.index) {
    places_[operation] = static_cast<Place>(at - indexes_.begin());
  } else {
    accuse(Fault::lost, "acknowledged, but the log has no write at that index");
  }
}

void LogView::note_moments(const History& history) {
  asked_.assign(indexes_.size(), kLongAgo);
  for (const auto& [operation, place] : places_) {
    const Operation& o = history.operations[operation];
    asked_[place] = std::max(asked_[place], o.called);
    if (o.outcome == Outcome::ok) acknowledged_.emplace_back(o.returned, place);
  }
  for (std::size_t i = 1; i < asked_.size(); ++i) asked_[i] = std::max(asked_[i], asked_[i - 1]);
  std::ranges::sort(acknowledged_);
  for (std::size_t i = 1; i < acknowledged_.size(); ++i) {
    acknowledged_[i].second = std::max(acknowledged_[i].second, acknowledged_[i - 1].second);
  }
}

Place LogView::asked_by(std::int64_t moment) const {
  return static_cast<Place>(std::ranges::upper_bound(asked_, moment) - asked_.begin() - 1);
}

Place LogView::acknowledged_before(std::int64_t moment) const {
  const auto at =
      std::ranges::lower_bound(acknowledged_, moment, {}, &std::pair<std::int64_t, Place>::first);
  return at == acknowledged_.begin() ? 0 : std::prev(at)->second;
}

std::optional<Place> LogView::place_of(std::uint32_t operation) const {
  const auto at = places_.find(operation);
  if (at == places_.end()) return std::nullopt;
  return at->second;
}

void LogView::check_order(const History& history) {
  for (const auto& [operation, place] : places_) {
    const Operation& o = history.operations[operation];
    const Place before = acknowledged_before(o.called);
    if (before <= place) continue;
    violations_.push_back(
        {.fault = Fault::out_of_order,
         .operation = operation,
         .words =
             fmt::format("{}: logged at index {}, before index {}, which had been acknowledged "
                         "when it was called",
                         describe(o, history.unit), indexes_[place], indexes_[before])});
  }
}

}  // namespace lockstep::check
