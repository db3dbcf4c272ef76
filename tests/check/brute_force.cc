// No numbering, no memory, no dominance: states are maps of strings.
#include "tests/check/brute_force.h"

#include <algorithm>
#include <map>
#include <set>

namespace lockstep::check {

namespace {

using Store = std::map<std::string, Value>;

class BruteForce {
 public:
  BruteForce(const History& history, Model model, Value initial)
      : history_(history), model_(model), initial_(std::move(initial)) {}

  bool search(std::set<std::uint32_t>& placed, Store store) {
    if (complete(placed)) return true;
    for (std::uint32_t i = 0; i < history_.operations.size(); ++i) {
      if (!may_be_next(placed, i)) continue;
      Store after = store;
      if (!apply(history_.operations[i], after)) continue;
      placed.insert(i);
      if (search(placed, std::move(after))) return true;
      placed.erase(i);
    }
    return false;
  }

 private:
  // ok but open: cut short; need not happen, but has its result.
  bool must_happen(const Operation& o) const {
    return o.outcome == Outcome::ok && o.returned != kOpen;
  }
  bool complete(const std::set<std::uint32_t>& placed) const {
    for (std::uint32_t i = 0; i < history_.operations.size(); ++i) {
      if (must_happen(history_.operations[i]) && !placed.contains(i)) return false;
    }
    return true;
  }
  bool may_be_next(const std::set<std::uint32_t>& placed, std::uint32_t i) const {
    const Operation& o = history_.operations[i];
    if (placed.contains(i) || o.outcome == Outcome::fail) return false;
    for (std::uint32_t j = 0; j < history_.operations.size(); ++j) {
      const Operation& p = history_.operations[j];
      if (must_happen(p) && !placed.contains(j) && p.returned < o.called) return false;
    }
    return true;
  }
  Value get(const Store& store, const std::string& key) const {
    const auto at = store.find(key);
    if (at != store.end()) return at->second;
    return model_ == Model::kv ? Value(initial_.value_or("")) : initial_;
  }
  bool apply(const Operation& o, Store& store) const {
    const bool ok = o.outcome == Outcome::ok;
    switch (o.kind) {
      case Kind::read:
        return !ok || !o.known || get(store, o.key) == o.value;
      case Kind::write:
        store[o.key] = o.value;
        return true;
      case Kind::append:
        store[o.key] = get(store, o.key).value_or("") + o.value.value_or("");
        return true;
      case Kind::cas: {
        const bool matches = get(store, o.key) == o.expected;
        if (ok && matches != o.matched) return false;
        if (matches) store[o.key] = o.value;
        return true;
      }
      case Kind::acquire:
      case Kind::release: {
        const bool held = store.contains(o.key) && store.at(o.key) == "held";
        if (held != (o.kind == Kind::release)) return false;
        store[o.key] = held ? "free" : "held";
        return true;
      }
      case Kind::txn:
        for (const Access& a : o.accesses) {
          if (a.writes) {
            store[a.key] = a.value;
          } else if (ok && a.known && get(store, a.key) != a.value) {
            return false;
          }
        }
        return true;
    }
    return false;
  }

  const History& history_;
  Model model_;
  Value initial_;
};

}  // namespace

bool brute_force_linearizable(const History& history, Model model, const Value& initial) {
  std::set<std::uint32_t> placed;
  return BruteForce(history, model, initial).search(placed, {});
}

std::optional<std::uint32_t> brute_force_first_failure(const History& history, Model model,
                                                       const Value& initial) {
  std::vector<std::pair<std::int64_t, std::uint32_t>> returns;
  for (std::uint32_t i = 0; i < history.operations.size(); ++i) {
    if (history.operations[i].outcome == Outcome::ok) {
      returns.emplace_back(history.operations[i].returned, i);
    }
  }
  std::ranges::sort(returns);
  for (const auto& [end, failing] : returns) {
    History cut = history;
    std::erase_if(cut.operations, [&](const Operation& o) { return o.called > end; });
    for (Operation& o : cut.operations) {
      if (o.returned > end) o.returned = kOpen;
    }
    if (!brute_force_linearizable(cut, model, initial)) return failing;
  }
  return std::nullopt;
}

}  // namespace lockstep::check
