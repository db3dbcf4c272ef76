// Delta debugging over the operations before a failure.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "sim/check_explain.h"

namespace lockstep::check {

namespace {

using Numbers = std::vector<std::uint32_t>;
using Seen = std::pair<std::string, Value>;  // key and value

// The two values of a mutex; it begins free.
const char* const kFree = "free";
const char* const kHeld = "held";

void values_seen(const Operation& o, std::vector<Seen>& out) {
  if (o.outcome != Outcome::ok) return;
  if (o.kind == Kind::read && o.known) out.emplace_back(o.key, o.value);
  if (o.kind == Kind::cas && o.matched) out.emplace_back(o.key, o.expected);
  if (o.kind == Kind::acquire) out.emplace_back(o.key, kFree);
  if (o.kind == Kind::release) out.emplace_back(o.key, kHeld);
  std::set<std::string> own;  // A transaction sees its own writes.
  for (const Access& a : o.accesses) {
    if (a.writes) {
      own.insert(a.key);
    } else if (a.known && !own.contains(a.key)) {
      out.emplace_back(a.key, a.value);
    }
  }
}

void values_written(const Operation& o, std::vector<Seen>& out) {
  if (o.outcome == Outcome::fail) return;
  const bool cas = o.kind == Kind::cas && (o.matched || o.outcome == Outcome::info);
  if (o.kind == Kind::write || cas) out.emplace_back(o.key, o.value);
  if (o.kind == Kind::acquire) out.emplace_back(o.key, kHeld);
  if (o.kind == Kind::release) out.emplace_back(o.key, kFree);
  for (const Access& a : o.accesses) {
    if (a.writes) out.emplace_back(a.key, a.value);
  }
}

// The history up to the end of `failed`: what ends later is open, what begins later is gone.
History cut_after(const Complaint& complaint, const Numbers& kept, std::uint32_t failed) {
  History out;
  out.unit = complaint.history.unit;
  const std::int64_t end = complaint.history.operations[failed].returned;
  for (const std::uint32_t i : kept) {
    Operation o = complaint.history.operations[i];
    if (o.called > end) continue;
    if (std::pair(o.returned, i) > std::pair(end, failed)) {
      if (is_pure_read(o) || !o.matched) continue;
      o.returned = kOpen;
    }
    out.operations.push_back(std::move(o));
  }
  return out;
}

// The writes that were left out. Leaving one out explains nothing if what it wrote is still looked
// for: then the failure would be of our own making. It is harmless if another write, still here,
// lies wholly between the two.
class Absent {
 public:
  Absent(const Complaint& complaint, std::uint32_t failed, const Numbers& present)
      : initial_(complaint.model == Model::mutex ? Value(kFree) : complaint.initial) {
    const auto& operations = complaint.history.operations;
    const std::set<std::uint32_t> here(present.begin(), present.end());
    std::vector<Seen> values;
    for (const std::uint32_t i : complaint.part.operations) {
      const Operation& o = operations[i];
      if (o.called > operations[failed].returned) continue;
      values.clear();
      values_written(o, values);
      for (const Seen& v : values) {
        if (here.contains(i)) {
          present_[v.first].push_back({o.called, o.returned});
          written_.insert(v);
        } else {
          absent_[v].push_back({o.called, o.returned});
        }
      }
    }
    for (auto& [key, spans] : present_) {
      std::ranges::sort(spans);
      for (std::size_t i = spans.size(); i-- > 1;) {
        spans[i - 1].returned = std::min(spans[i - 1].returned, spans[i].returned);
      }
    }
    for (auto& [value, spans] : absent_) {
      std::ranges::sort(spans);
      for (std::size_t i = 1; i < spans.size(); ++i) {
        spans[i].returned = std::max(spans[i].returned, spans[i - 1].returned);
      }
    }
  }

  [[nodiscard]] bool may_have_served(const Operation& o) const {
    std::vector<Seen> seen;
    values_seen(o, seen);
    return std::ranges::any_of(seen, [&](const Seen& v) {
      if (v.second != initial_ && !written_.contains(v)) return true;
      const auto absent = absent_.find(v);
      if (absent == absent_.end()) return false;
      // Of those called in time, the last to return is the hardest to hide.
      const auto late = std::ranges::upper_bound(absent->second, o.returned, {}, &Span::called);
      if (late == absent->second.begin()) return false;
      return !hidden(v.first, std::prev(late)->returned, o.called);
    });
  }

 private:
  struct Span {
    std::int64_t called = 0;
    std::int64_t returned = 0;
    auto operator<=>(const Span&) const = default;
  };

  // A present write of the key lies wholly between the two moments.
  [[nodiscard]] bool hidden(const std::string& key, std::int64_t from, std::int64_t to) const {
    const auto present = present_.find(key);
    if (present == present_.end()) return false;
    const auto at = std::ranges::upper_bound(present->second, from, {}, &Span::called);
    return at != present->second.end() && at->returned < to;
  }

  Value initial_;
  std::map<std::string, std::vector<Span>> present_;  // returned: the least from here on
  std::map<Seen, std::vector<Span>> absent_;          // returned: the greatest so far
  std::set<Seen> written_;
};

class Minimiser {
 public:
  Minimiser(const Complaint& complaint, std::uint32_t failed, std::uint64_t& spent)
      : complaint_(complaint), failed_(failed), spent_(spent) {
    limits_ = complaint.limits;
    limits_.steps_max = complaint.limits.minimise_steps_max / 8;
    limits_.configurations_max = std::min<std::uint64_t>(limits_.configurations_max, 200'000);
  }

  Numbers run() {
    const auto& operations = complaint_.history.operations;
    Numbers kept;
    for (const std::uint32_t i : complaint_.part.operations) {
      if (operations[i].called <= operations[failed_].returned) kept.push_back(i);
    }
    if (complaint_.limits.minimise_steps_max == 0) return kept;
    std::size_t chunk = kept.size() / 2;
    while (chunk > 0 && !exhausted()) {
      bool smaller = false;
      for (std::size_t begin = 0; begin < kept.size() && !exhausted();) {
        Numbers fewer = without(kept, begin, std::min(begin + chunk, kept.size()));
        if (fewer.size() < kept.size() && still_fails(fewer)) {
          kept = std::move(fewer);
          smaller = true;
        } else {
          begin += chunk;
        }
      }
      if (!smaller || chunk > kept.size() / 2) chunk /= 2;
    }
    drop_pairs(kept);
    return kept;
  }

 private:
  [[nodiscard]] bool exhausted() const {
    if (complaint_.limits.stop && complaint_.limits.stop()) return true;
    return spent_ >= complaint_.limits.minimise_steps_max;
  }

  // What only makes sense together need not stand together: an acquire and its release, say.
  void drop_pairs(Numbers& kept) {
    constexpr std::size_t kReach = 12;
    for (std::size_t i = 0; i < kept.size();) {
      bool smaller = false;
      for (std::size_t j = i + 2; j < std::min(i + kReach, kept.size()) && !exhausted(); ++j) {
        Numbers fewer = without(kept, j, j + 1);
        if (fewer.size() == kept.size() || kept[i] == failed_) continue;
        fewer = without(fewer, i, i + 1);
        if (fewer.size() + 2 > kept.size() || !still_fails(fewer)) continue;
        kept = std::move(fewer);
        smaller = true;
        break;
      }
      if (!smaller) ++i;
    }
  }

  // `kept` without [begin, end), and without all that may have seen one of these. Returns `kept`
  // itself if `failed` would have to go.
  Numbers without(const Numbers& kept, std::size_t begin, std::size_t end) const {
    Numbers out(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(begin));
    if (std::find(kept.begin() + static_cast<std::ptrdiff_t>(begin),
                  kept.begin() + static_cast<std::ptrdiff_t>(end),
                  failed_) != kept.begin() + static_cast<std::ptrdiff_t>(end)) {
      out.push_back(failed_);
    }
    out.insert(out.end(), kept.begin() + static_cast<std::ptrdiff_t>(end), kept.end());
    if (complaint_.model == Model::kv) return without_texts(kept, std::move(out));
    for (;;) {
      const Absent absent(complaint_, failed_, out);
      spent_ += 40 * complaint_.part.operations.size();
      const auto baseless = [&](std::uint32_t i) { return absent.may_have_served(operation(i)); };
      if (baseless(failed_)) return kept;
      if (std::erase_if(out, baseless) == 0) return out;
    }
  }
  // The same for strings: a get goes if it shows a text whose last writer went.
  Numbers without_texts(const Numbers& kept, Numbers out) const {
    std::set<std::string> present;
    for (const std::uint32_t i : out) {
      if (operation(i).kind != Kind::read) present.insert(operation(i).value.value_or(""));
    }
    std::set<std::string> gone;
    for (const std::uint32_t i : kept) {
      const std::string text = operation(i).value.value_or("");
      if (operation(i).kind != Kind::read && !present.contains(text)) gone.insert(text);
    }
    const auto baseless = [&](std::uint32_t i) {
      if (operation(i).kind != Kind::read) return false;
      const std::string text = operation(i).value.value_or("");
      return std::ranges::any_of(
          gone, [&](const std::string& g) { return text.find(g) != std::string::npos; });
    };
    if (baseless(failed_)) return kept;
    std::erase_if(out, baseless);
    return out;
  }

  bool still_fails(const Numbers& kept) {
    const History history = cut_after(complaint_, kept, failed_);
    Part part{.object = complaint_.part.object, .operations = {}};
    for (std::uint32_t i = 0; i < history.operations.size(); ++i) part.operations.push_back(i);
    const auto problem = compile(history, part, complaint_.model, complaint_.initial);
    if (!problem) return false;
    const Judged judged = judge(*problem, limits_, nullptr);
    spent_ += judged.steps + 40 * kept.size();  // Compiling is not free either.
    if (judged.verdict != Verdict::invalid) return false;
    return history.operations[problem->operations[judged.failed_step]] == operation(failed_);
  }
  [[nodiscard]] const Operation& operation(std::uint32_t i) const {
    return complaint_.history.operations[i];
  }

  const Complaint& complaint_;
  std::uint32_t failed_;
  std::uint64_t& spent_;
  Limits limits_;
};

}  // namespace

std::optional<std::uint32_t> find_made_up(const History& history,
                                          std::span<const std::uint32_t> operations, Model model,
                                          const Value& initial) {
  if (model == Model::kv || model == Model::mutex) return std::nullopt;
  std::map<Seen, std::int64_t> first_call;
  std::vector<Seen> values;
  for (const std::uint32_t i : operations) {
    values.clear();
    values_written(history.operations[i], values);
    for (const Seen& v : values) {
      const auto [at, fresh] = first_call.try_emplace(v, history.operations[i].called);
      if (!fresh) at->second = std::min(at->second, history.operations[i].called);
    }
  }
  std::optional<std::uint32_t> found;
  for (const std::uint32_t i : operations) {
    const Operation& o = history.operations[i];
    if (found && history.operations[*found].returned <= o.returned) continue;
    values.clear();
    values_seen(o, values);
    for (const Seen& v : values) {
      if (v.second == initial) continue;
      const auto at = first_call.find(v);
      if (at == first_call.end() || at->second > o.returned) found = i;
    }
  }
  return found;
}

std::vector<std::uint32_t> minimise(const Complaint& complaint, std::uint32_t failed,
                                    std::uint64_t& spent) {
  return Minimiser(complaint, failed, spent).run();
}

}  // namespace lockstep::check
