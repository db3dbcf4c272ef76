// Several registers changed and read by transactions. States are vectors of value numbers,
// interned; a step is looked up by (state, transaction) and computed once.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/check_layout.h"
#include "sim/check_models.h"

namespace lockstep::check {

namespace {

struct NumberedAccess {
  bool writes = false;
  std::uint32_t key = 0;
  std::uint32_t value = 0;
};

class Registers final : public StateTable {
 public:
  using Vector = std::vector<std::uint32_t>;

  std::uint32_t key(const std::string& name) {
    const auto [at, fresh] = keys_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
    if (fresh) names_.push_back(name);
    return at->second;
  }
  std::uint32_t value(const Value& text) {
    const auto [at, fresh] =
        value_numbers_.try_emplace(text, static_cast<std::uint32_t>(values_.size()));
    if (fresh) values_.push_back(text);
    return at->second;
  }
  State number(const Vector& vector) {
    const auto [at, fresh] = numbers_.try_emplace(vector, static_cast<State>(states_.size()));
    if (fresh) states_.push_back(vector);
    return at->second;
  }
  void add(std::vector<NumberedAccess> accesses) { steps_.push_back(std::move(accesses)); }
  [[nodiscard]] std::size_t width() const { return names_.size(); }

  State next(State state, std::uint32_t step) override {
    const auto [at, fresh] = memo_.try_emplace({state, step}, kIllegal);
    if (fresh) at->second = compute(state, step);
    return at->second;
  }
  std::uint32_t needed_until(State) override { return kForever; }
  std::string describe(State state) override {
    std::string out;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      out += fmt::format("{}{} = {}", i ? ", " : "", names_[i],
                         describe_value(values_[states_[state][i]]));
    }
    return out;
  }

 private:
  State compute(State state, std::uint32_t step) {
    Vector vector = states_[state];
    for (const NumberedAccess& a : steps_[step]) {
      if (a.writes) {
        vector[a.key] = a.value;
      } else if (vector[a.key] != a.value) {
        return kIllegal;
      }
    }
    return number(vector);
  }

  std::map<std::string, std::uint32_t> keys_;
  std::vector<std::string> names_;
  std::map<Value, std::uint32_t> value_numbers_;
  std::vector<Value> values_;
  std::map<Vector, State> numbers_;
  std::vector<Vector> states_{Vector{}};  // kDead is not used
  std::vector<std::vector<NumberedAccess>> steps_;
  std::map<std::pair<State, std::uint32_t>, State> memo_;
};

std::vector<NumberedAccess> accesses_of(const Operation& o, Registers& registers) {
  std::vector<NumberedAccess> out;
  const auto add = [&](bool writes, const std::string& key, const Value& value) {
    const std::uint32_t k = registers.key(key);
    out.push_back({writes, k, registers.value(value)});
  };
  switch (o.kind) {
    case Kind::read:
      if (o.known) add(false, o.key, o.value);
      break;
    case Kind::write:
      add(true, o.key, o.value);
      break;
    default:
      for (const Access& a : o.accesses) {
        // Reads of an operation that nobody saw end are not results.
        if (a.writes || (a.known && o.outcome == Outcome::ok)) add(a.writes, a.key, a.value);
      }
  }
  return out;
}

}  // namespace

Problem compile_multi(const History& history, const Part& part, const Value& initial) {
  auto registers = std::make_unique<Registers>();
  std::vector<Step> steps;
  std::uint64_t sameness = 0;
  for (const std::uint32_t i : part.operations) {
    const Operation& o = history.operations[i];
    const bool pure = is_pure_read(o);
    const bool maybe = need_not_happen(o);
    if (pure && maybe) continue;
    auto accesses = accesses_of(o, *registers);
    if (accesses.empty()) continue;
    steps.push_back({.operation = i,
                     .code = Code::table,
                     .pure = pure,
                     .maybe = maybe,
                     .sameness = ++sameness});
    registers->add(std::move(accesses));
  }
  number_positions(history, steps);
  Problem problem;
  const std::uint32_t first = registers->value(initial);
  problem.initial = registers->number(Registers::Vector(registers->width(), first));
  problem.table = std::move(registers);
  lay_out(steps, problem);
  return problem;
}

}  // namespace lockstep::check
