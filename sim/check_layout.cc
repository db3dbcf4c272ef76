// Two passes over time: the first numbers the returns that matter, the second hands out bits and
// copies the open operations to each position, so that the search itself only walks arrays.
#include "sim/check_layout.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/check.h"

namespace lockstep::check {

namespace {

struct Moment {
  std::int64_t time = 0;
  bool is_return = false;  // calls first: equal moments are concurrent
  std::uint32_t step = 0;

  friend auto operator<=>(const Moment&, const Moment&) = default;
};

std::vector<Moment> moments_of(const History& history, const std::vector<Step>& steps) {
  std::vector<Moment> moments;
  moments.reserve(2 * steps.size());
  for (std::uint32_t i = 0; i < steps.size(); ++i) {
    const Operation& operation = history.operations[steps[i].operation];
    moments.push_back({operation.called, false, i});
    if (!steps[i].maybe) moments.push_back({operation.returned, true, i});
  }
  std::ranges::sort(moments);
  return moments;
}

// Hands out the lowest free bit of one range.
class SlotPool {
 public:
  std::uint32_t take() {
    if (free_.empty()) return size_++;
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void give_back(std::uint32_t slot) { free_.push_back(slot); }
  [[nodiscard]] std::uint32_t size() const { return size_; }

 private:
  std::vector<std::uint32_t> free_;
  std::uint32_t size_ = 0;
};

std::size_t range_of(const Step& step) {
  if (step.maybe) return 0;
  if (step.pure) return 1;
  return step.hides ? 2 : 3;
}

std::vector<std::uint16_t> hand_out_slots(const std::vector<Step>& steps,
                                          const std::vector<std::uint32_t>& by_first,
                                          const std::vector<std::uint32_t>& by_last,
                                          SlotRanges& ranges) {
  std::array<SlotPool, 4> pools;
  std::vector<std::uint32_t> local(steps.size());
  std::size_t next = 0;
  for (std::uint32_t position = 1; position <= by_last.size(); ++position) {
    for (; next < by_first.size() && steps[by_first[next]].first <= position; ++next) {
      local[by_first[next]] = pools[range_of(steps[by_first[next]])].take();
    }
    const std::uint32_t ending = by_last[position - 1];
    pools[range_of(steps[ending])].give_back(local[ending]);
  }
  ranges.maybe = pools[0].size();
  ranges.reads = ranges.maybe + pools[1].size();
  ranges.hiding = ranges.reads + pools[2].size();
  ranges.all = ranges.hiding + pools[3].size();
  const std::array<std::uint32_t, 4> base{0, ranges.maybe, ranges.reads, ranges.hiding};
  std::vector<std::uint16_t> slots(steps.size());
  for (std::uint32_t i = 0; i < steps.size(); ++i) {
    slots[i] = static_cast<std::uint16_t>(base[range_of(steps[i])] + local[i]);
  }
  return slots;
}

// Of equal operations the first to return goes first, and of those that never return the first
// called: exchanging two in a legal order keeps it legal.
void link_twins(const std::vector<Step>& steps, std::vector<Candidate>& candidates,
                std::size_t begin) {
  for (std::size_t i = begin; i < candidates.size(); ++i) {
    Candidate& c = candidates[i];
    for (std::size_t j = i; j > begin; --j) {
      const Candidate& d = candidates[j - 1];
      if (c.code == d.code && c.a == d.a && c.b == d.b &&
          steps[c.step].sameness == steps[d.step].sameness) {
        c.twin = static_cast<std::int16_t>(d.slot);
        break;
      }
    }
  }
}

}  // namespace

void number_positions(const History& history, std::vector<Step>& steps) {
  std::uint32_t returns = 0;
  for (const Moment& moment : moments_of(history, steps)) {
    Step& step = steps[moment.step];
    if (moment.is_return) {
      step.last = ++returns;
    } else {
      step.first = returns + 1;
      step.last = kForever;
    }
  }
}

void lay_out(const std::vector<Step>& steps, Problem& problem) {
  std::vector<std::uint32_t> by_first(steps.size());
  std::vector<std::uint32_t> by_last;
  for (std::uint32_t i = 0; i < steps.size(); ++i) {
    by_first[i] = i;
    problem.operations.push_back(steps[i].operation);
    if (!steps[i].maybe) by_last.push_back(i);
  }
  std::ranges::sort(by_first, {}, [&](std::uint32_t i) { return std::pair(steps[i].first, i); });
  std::ranges::sort(by_last, {}, [&](std::uint32_t i) { return steps[i].last; });

  const auto slots = hand_out_slots(steps, by_first, by_last, problem.slots);
  if (problem.slots.all > kSlotsMax) return;  // Not searched; the lists could be huge.
  const auto sooner = [&](std::uint32_t x, std::uint32_t y) {
    return std::tuple(steps[x].last, x) < std::tuple(steps[y].last, y);
  };
  std::vector<std::uint32_t> open;  // sorted by return
  std::size_t next = 0;
  for (std::uint32_t position = 1; position <= by_last.size(); ++position) {
    for (; next < by_first.size() && steps[by_first[next]].first <= position; ++next) {
      open.insert(std::ranges::upper_bound(open, by_first[next], sooner), by_first[next]);
    }
    const std::uint32_t ending = by_last[position - 1];
    CHECK(!open.empty() && open.front() == ending);
    Position& p = problem.positions.emplace_back();
    p.step = ending;
    p.slot = slots[ending];
    p.writers_begin = static_cast<std::uint32_t>(problem.writers.size());
    p.readers_begin = static_cast<std::uint32_t>(problem.readers.size());
    for (const std::uint32_t i : open) {
      const Step& s = steps[i];
      auto& list = s.pure ? problem.readers : problem.writers;
      list.push_back({.code = s.code,
                      .hides = s.hides,
                      .slot = slots[i],
                      .twin = -1,
                      .a = s.a,
                      .b = s.b,
                      .step = i});
    }
    link_twins(steps, problem.writers, p.writers_begin);
    p.writers_end = static_cast<std::uint32_t>(problem.writers.size());
    p.readers_end = static_cast<std::uint32_t>(problem.readers.size());
    open.erase(open.begin());
  }
}

}  // namespace lockstep::check
