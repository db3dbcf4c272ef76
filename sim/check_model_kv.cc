// The string model. Its one idea: a string that no later get shows, nor any continuation of it, is
// as good as any other such string (kDead). Without it k open appends give k! states; with it only
// the orders that were seen stay apart.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/check_layout.h"
#include "sim/check_models.h"

namespace lockstep::check {

namespace {

class Strings final : public StateTable {
 public:
  // What a get showed, and the position by which it had to.
  struct Seen {
    std::string text;
    std::uint32_t until = 0;
  };

  explicit Strings(std::vector<Seen> seen) : seen_(std::move(seen)) {
    std::ranges::sort(seen_, {}, &Seen::text);
  }

  // kDead if no get shows the text or a continuation of it.
  State number(const std::string& text) {
    auto at = std::ranges::lower_bound(seen_, text, {}, &Seen::text);
    std::uint32_t until = 0;
    for (; at != seen_.end() && at->text.starts_with(text); ++at) {
      until = std::max(until, at->until);
    }
    if (until == 0) return kDead;
    const auto [known, fresh] = numbers_.try_emplace(text, static_cast<State>(texts_.size()));
    if (fresh) {
      texts_.push_back(text);
      until_.push_back(until);
    }
    return known->second;
  }
  void argument(std::uint32_t step, std::uint32_t appended) {
    if (appended_.size() <= step) appended_.resize(step + 1, 0);
    appended_[step] = appended;
  }
  std::uint32_t intern_argument(const std::string& text) {
    const auto [at, fresh] =
        argument_numbers_.try_emplace(text, static_cast<std::uint32_t>(arguments_.size()));
    if (fresh) arguments_.push_back(text);
    return at->second;
  }

  State next(State state, std::uint32_t step) override {
    if (state == kDead) return kDead;
    const std::uint32_t appended = appended_[step];
    const std::size_t cell = state * arguments_.size() + appended;
    if (memo_.size() <= cell) memo_.resize(texts_.size() * arguments_.size() + cell + 1, kIllegal);
    if (memo_[cell] == kIllegal) {
      const State after = number(texts_[state] + arguments_[appended]);
      memo_[cell] = after;
    }
    return memo_[cell];
  }
  std::uint32_t needed_until(State state) override { return until_[state]; }
  std::string describe(State state) override { return describe_value(texts_[state]); }
  [[nodiscard]] bool shown_after(const std::string& part, std::uint32_t first) const {
    return std::ranges::any_of(seen_, [&](const Seen& s) {
      return s.until >= first && s.text.find(part) != std::string::npos;
    });
  }

 private:
  std::vector<Seen> seen_;
  std::map<std::string, State> numbers_;
  std::vector<std::string> texts_{""};
  std::vector<std::uint32_t> until_{0};
  std::vector<std::uint32_t> appended_;  // by step
  std::map<std::string, std::uint32_t> argument_numbers_;
  std::vector<std::string> arguments_;
  std::vector<State> memo_;  // [state][argument]
};

}  // namespace

Problem compile_kv(const History& history, const Part& part, const Value& initial) {
  std::vector<Step> steps;
  for (const std::uint32_t i : part.operations) {
    const Operation& o = history.operations[i];
    const bool maybe = need_not_happen(o);
    if (o.kind == Kind::read && (maybe || !o.known)) continue;
    steps.push_back({.operation = i,
                     .code = o.kind == Kind::read    ? Code::read
                             : o.kind == Kind::write ? Code::write
                                                     : Code::table,
                     .pure = o.kind == Kind::read,
                     .maybe = maybe});
  }
  number_positions(history, steps);
  std::vector<Strings::Seen> seen;
  for (const Step& s : steps) {
    const Operation& o = history.operations[s.operation];
    if (o.kind == Kind::read) seen.push_back({o.value.value_or(""), s.last});
  }
  auto strings = std::make_unique<Strings>(std::move(seen));
  const auto text = [&](const Step& s) {
    return history.operations[s.operation].value.value_or("");
  };
  // Nobody saw its text: taking it out of a legal order changes nothing anyone saw.
  std::erase_if(steps, [&](const Step& s) {
    return s.maybe &&
           (!strings->shown_after(text(s), s.first) || (s.code == Code::table && text(s).empty()));
  });
  for (std::uint32_t i = 0; i < steps.size(); ++i) {
    Step& s = steps[i];
    switch (s.code) {
      case Code::read:
        s.a = strings->number(text(s));
        break;
      case Code::write:
        s.b = strings->number(text(s));
        if (s.b != kDead && strings->needed_until(s.b) < s.first) s.b = kDead;
        s.hides = !s.maybe && s.b == kDead;
        break;
      default:
        s.sameness = strings->intern_argument(text(s));
        strings->argument(i, static_cast<std::uint32_t>(s.sameness));
    }
  }
  Problem problem;
  problem.initial = strings->number(initial.value_or(""));
  problem.table = std::move(strings);
  lay_out(steps, problem);
  return problem;
}

}  // namespace lockstep::check
