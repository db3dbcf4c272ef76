// Each way to break a promise looks for all places that are certainly wrong afterwards, whatever
// else the history says, and takes one at random.
#include <algorithm>
#include <map>

#include "tests/check/cluster_history.h"

namespace lockstep::check {

namespace {

using Number = std::uint32_t;

class Breaker {
 public:
  Breaker(Rng& rng, History& history) : rng_(rng), history_(history) {
    for (Number i = 0; i < history.operations.size(); ++i) {
      const Operation& o = history.operations[i];
      if (is_pure_read(o)) {
        if (o.outcome == Outcome::ok) reads_.push_back(i);
      } else {
        writes_.push_back(i);
      }
    }
    for (std::size_t i = 0; i < history.log.size(); ++i) {
      places_[{history.log[i].key, history.log[i].value}] = i;
    }
  }

  std::optional<Number> run(Break kind) {
    switch (kind) {
      case Break::stale_read:
        return stale_read();
      case Break::phantom:
        return show(reads_, [&](Operation& o, const Operation*) { set(o, "made up"); });
      case Break::aborted_read:
        return see_write([](const Operation& w) { return w.outcome == Outcome::fail; }, false);
      case Break::uncommitted:
        return see_write(
            [&](const Operation& w) { return w.outcome == Outcome::info && !place(w); }, true);
      case Break::from_future:
        return from_future();
      case Break::time_travel:
        return go_back(false);
      case Break::went_back:
        return go_back(true);
      case Break::torn:
        return torn();
      case Break::lost_write:
        return lost_write();
      case Break::resurrected:
        return resurrected();
      case Break::applied_twice:
        return applied_twice();
      case Break::log_reordered:
        return log_reordered();
      case Break::double_cas:
        return double_cas();
    }
    return std::nullopt;
  }

 private:
  struct Choice {
    Number read = 0;
    std::string key;
    Value value;
  };

  Operation& at(Number i) { return history_.operations[i]; }
  std::optional<std::size_t> place(const Operation& w) const {
    const auto found = places_.find({w.key, w.value});
    if (found == places_.end() || !w.value) return std::nullopt;
    return found->second;
  }
  static bool current(const Operation& o) { return o.level >= Level::linearizable; }

  // Puts the value in the row of the key (of the first key if "").
  static void set(Operation& o, const Value& value, const std::string& key = "") {
    if (o.kind == Kind::read) {
      o.value = value;
      return;
    }
    for (Access& a : o.accesses) {
      if (a.key == key || key.empty()) {
        a.value = value;
        return;
      }
    }
  }
  static bool covers(const Operation& o, const std::string& key) {
    return o.kind == Kind::txn || o.key == key;
  }

  template <class Change>
  std::optional<Number> show(const std::vector<Number>& reads, Change change) {
    if (reads.empty()) return std::nullopt;
    const Number i = reads[rng_.below(reads.size())];
    change(at(i), nullptr);
    return i;
  }
  std::optional<Number> take(const std::vector<Choice>& choices) {
    if (choices.empty()) return std::nullopt;
    const Choice& c = choices[rng_.below(choices.size())];
    set(at(c.read), c.value, c.key);
    return c.read;
  }

  // Single-key reads only: then the value alone is what is wrong.
  std::optional<Number> stale_read() {
    std::vector<Choice> choices;
    for (const Number r : reads_) {
      if (at(r).kind != Kind::read || !current(at(r))) continue;
      for (const Number w : writes_) {
        const auto p = place(at(w));
        if (!p || at(w).key != at(r).key) continue;
        for (const Number later : writes_) {
          const Operation& x = at(later);
          const auto q = place(x);
          // Called after the first ended, and acknowledged before the read: no order helps.
          if (q && *q > *p && x.key == at(r).key && x.outcome == Outcome::ok &&
              at(w).returned < x.called && x.returned < at(r).called) {
            choices.push_back({r, at(r).key, at(w).value});
            break;
          }
        }
      }
    }
    return take(choices);
  }
  template <class Wanted>
  std::optional<Number> see_write(Wanted wanted, bool at_none) {
    std::vector<Choice> choices;
    for (const Number r : reads_) {
      if (at_none && at(r).level != Level::none) continue;
      for (const Number w : writes_) {
        if (at(w).value && wanted(at(w)) && covers(at(r), at(w).key)) {
          choices.push_back({r, at(w).key, at(w).value});
        }
      }
    }
    return take(choices);
  }
  std::optional<Number> from_future() {
    std::vector<Choice> choices;
    for (const Number r : reads_) {
      for (const Number w : writes_) {
        if (place(at(w)) && covers(at(r), at(w).key) && at(r).returned < at(w).called) {
          choices.push_back({r, at(w).key, at(w).value});
        }
      }
    }
    return take(choices);
  }

  // The read before `r` on the same line showed a value; r shows the one before that.
  std::optional<Number> go_back(bool linearizable) {
    std::vector<Choice> choices;
    for (const Number r : reads_) {
      const Operation& late = at(r);
      if (late.kind != Kind::read) continue;
      if (linearizable ? !current(late) : late.level != Level::none) continue;
      for (const Number e : reads_) {
        const Operation& early = at(e);
        if (early.kind != Kind::read || early.key != late.key || !early.value) continue;
        if (early.returned >= late.called || current(early) != current(late)) continue;
        const bool same_line = early.node == late.node && early.start == late.start;
        if (!linearizable && (early.level != Level::none || !same_line)) continue;
        const auto shown = places_.find({early.key, early.value});
        if (shown == places_.end()) continue;
        const auto older = value_before(shown->second);
        if (!older) continue;
        // Else another order than the log's could be meant.
        if (linearizable && !in_turn(late.key, *older, early.value)) continue;
        choices.push_back({r, late.key, *older});
      }
    }
    return take(choices);
  }
  // The write of `first` had returned when that of `second` was called.
  bool in_turn(const std::string& key, const Value& first, const Value& second) const {
    const Operation* a = nullptr;
    const Operation* b = nullptr;
    for (const Number w : writes_) {
      const Operation& o = history_.operations[w];
      if (o.key == key && o.value == first) a = &o;
      if (o.key == key && o.value == second) b = &o;
    }
    return a != nullptr && b != nullptr && a->outcome == Outcome::ok && a->returned < b->called;
  }
  // Everything in the log up to the entry had been called by then.
  bool asked_by(std::size_t entry, std::int64_t moment) const {
    return std::ranges::none_of(writes_, [&](Number w) {
      const auto p = place(history_.operations[w]);
      return p && *p <= entry && history_.operations[w].called > moment;
    });
  }
  // What the key held before the entry; nothing if that is nil, which may come again.
  std::optional<Value> value_before(std::size_t entry) const {
    for (std::size_t i = entry; i-- > 0;) {
      if (history_.log[i].key == history_.log[entry].key) {
        if (!history_.log[i].value) return std::nullopt;
        return history_.log[i].value;
      }
    }
    return std::nullopt;
  }

  // One row from before an entry, another from after a later one.
  std::optional<Number> torn() {
    std::vector<Number> reads;
    for (const Number r : reads_) {
      if (at(r).kind == Kind::txn && at(r).accesses.size() >= 2) reads.push_back(r);
    }
    std::vector<std::pair<Choice, Choice>> choices;
    for (const Number r : reads) {
      const std::string a = at(r).accesses[0].key;
      const std::string b = at(r).accesses[1].key;
      for (const Number w : writes_) {
        const auto p = place(at(w));
        if (!p || at(w).key != b || !asked_by(*p, at(r).returned)) continue;
        // The value of `a` that was overwritten last before p.
        for (std::size_t i = *p; i-- > 0;) {
          if (history_.log[i].key != a) continue;
          if (const auto older = value_before(i)) {
            choices.push_back({{r, a, *older}, {r, b, at(w).value}});
          }
          break;
        }
      }
    }
    if (choices.empty()) return std::nullopt;
    const auto& [first, second] = choices[rng_.below(choices.size())];
    set(at(first.read), first.value, first.key);
    set(at(second.read), second.value, second.key);
    return first.read;
  }

  std::vector<Number> acknowledged() {
    std::vector<Number> out;
    for (const Number w : writes_) {
      if (at(w).outcome == Outcome::ok && at(w).matched && place(at(w))) out.push_back(w);
    }
    return out;
  }
  std::optional<Number> lost_write() {
    const auto writes = acknowledged();
    if (writes.empty()) return std::nullopt;
    const Number w = writes[rng_.below(writes.size())];
    history_.log.erase(history_.log.begin() + static_cast<std::ptrdiff_t>(*place(at(w))));
    return w;
  }
  std::optional<Number> resurrected() {
    const auto writes = acknowledged();
    return show(writes, [](Operation& o, const Operation*) { o.outcome = Outcome::fail; });
  }
  std::optional<Number> applied_twice() {
    const auto writes = acknowledged();
    if (writes.empty()) return std::nullopt;
    const Number w = writes[rng_.below(writes.size())];
    history_.log.push_back(history_.log[*place(at(w))]);
    history_.log.back().index = history_.log[history_.log.size() - 2].index + 1;
    return w;
  }
  std::optional<Number> log_reordered() {
    std::vector<std::pair<Number, Number>> choices;
    const auto writes = acknowledged();
    for (const Number first : writes) {
      for (const Number second : writes) {
        if (at(first).returned < at(second).called) choices.emplace_back(first, second);
      }
    }
    if (choices.empty()) return std::nullopt;
    const auto [first, second] = choices[rng_.below(choices.size())];
    LoggedWrite& a = history_.log[*place(at(first))];
    LoggedWrite& b = history_.log[*place(at(second))];
    std::swap(a.key, b.key);
    std::swap(a.value, b.value);
    return second;
  }
  // The second cas expects the value that the first has replaced for good (values are unique).
  std::optional<Number> double_cas() {
    std::vector<std::pair<Number, Number>> choices;
    for (const Number first : writes_) {
      for (const Number second : writes_) {
        const Operation& a = at(first);
        const Operation& b = at(second);
        if (first == second || a.kind != Kind::cas || b.kind != Kind::cas) continue;
        if (!a.matched || !b.matched || a.outcome != Outcome::ok || b.outcome != Outcome::ok)
          continue;
        if (a.key == b.key && a.expected && a.expected != b.expected)
          choices.emplace_back(first, second);
      }
    }
    if (choices.empty()) return std::nullopt;
    const auto [first, second] = choices[rng_.below(choices.size())];
    at(second).expected = at(first).expected;
    return second;
  }

  Rng& rng_;
  History& history_;
  std::vector<Number> reads_;
  std::vector<Number> writes_;
  std::map<std::pair<std::string, Value>, std::size_t> places_;  // in the log
};

}  // namespace

const char* break_name(Break kind) {
  static constexpr const char* kNames[] = {
      "stale_read",    "phantom",       "aborted_read", "uncommitted", "from_future",
      "time_travel",   "went_back",     "torn",         "lost_write",  "resurrected",
      "applied_twice", "log_reordered", "double_cas"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::optional<std::uint32_t> break_history(Rng& rng, Break kind, History& history) {
  return Breaker(rng, history).run(kind);
}

}  // namespace lockstep::check
