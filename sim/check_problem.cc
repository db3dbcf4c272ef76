// Registers and mutexes: every step is a comparison of small numbers. Also the split into objects
// and the choice of model.
#include "sim/check_problem.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "sim/check_layout.h"
#include "sim/check_models.h"

namespace lockstep::check {

namespace {

// Numbers values in order of appearance; 0 is kDead and stands for no value.
class Values {
 public:
  State number(const Value& value) {
    const auto [at, fresh] = numbers_.try_emplace(value, static_cast<State>(values_.size()));
    if (fresh) values_.push_back(value);
    return at->second;
  }
  std::vector<Value> take() { return std::move(values_); }
  [[nodiscard]] std::size_t size() const { return values_.size(); }

 private:
  std::map<Value, State> numbers_;
  std::vector<Value> values_{Value{}};
};

// False: the operation constrains nothing and is left out.
bool step_of(const Operation& o, Values& values, Step& step) {
  step.maybe = need_not_happen(o);
  switch (o.kind) {
    case Kind::read:
      if (step.maybe || !o.known) return false;
      step.code = Code::read;
      step.pure = true;
      step.a = values.number(o.value);
      return true;
    case Kind::write:
      step.code = Code::write;
      step.b = values.number(o.value);
      return true;
    case Kind::cas:
      step.a = values.number(o.expected);
      if (o.matched || step.maybe) {
        step.code = Code::cas;
        step.b = values.number(o.value);
      } else {
        step.code = Code::miss;
        step.pure = true;
      }
      return true;
    case Kind::acquire:
    case Kind::release: {
      step.code = Code::cas;
      const State free = values.number("free");
      const State held = values.number("held");
      step.a = o.kind == Kind::acquire ? free : held;
      step.b = o.kind == Kind::acquire ? held : free;
      return true;
    }
    case Kind::append:
    case Kind::txn:
      break;
  }
  return false;
}

std::vector<std::uint32_t> last_needs(const std::vector<Step>& steps, std::size_t values) {
  std::vector<std::uint32_t> needed(values, 0);
  for (const Step& s : steps) {
    if (s.code == Code::write) continue;
    needed[s.a] = std::max(needed[s.a], s.last);
  }
  return needed;
}

// An operation that need not happen and whose value nobody can see afterwards could be taken out
// of any legal order; unless someone saw that a value was NOT there, for which it may be the
// reason. Leaving one out may make the value another one leaves behind unneeded, hence the loop.
void drop_unseen(std::vector<Step>& steps, std::size_t values) {
  for (bool again = true; again;) {
    const auto needed = last_needs(steps, values);
    const auto dropped = std::erase_if(steps, [&](const Step& s) {
      if (!s.maybe) return false;
      return needed[s.b] < s.first || (s.code == Code::cas && s.a == s.b);
    });
    again = dropped > 0;
  }
}

}  // namespace

Problem compile_register(const History& history, const Part& part, Model model,
                         const Value& initial) {
  Values values;
  std::vector<Step> steps;
  for (const std::uint32_t i : part.operations) {
    Step step;
    step.operation = i;
    if (step_of(history.operations[i], values, step)) steps.push_back(step);
  }
  Problem problem;
  problem.initial = values.number(model == Model::mutex ? Value("free") : initial);
  number_positions(history, steps);
  const bool misses =
      std::ranges::any_of(steps, [](const Step& s) { return s.code == Code::miss; });
  if (!misses) drop_unseen(steps, values.size());
  problem.needed_until = last_needs(steps, values.size());
  for (Step& s : steps) {
    if (s.code != Code::write || problem.needed_until[s.b] >= s.first) continue;
    s.b = kDead;
    s.hides = !misses && !s.maybe;
  }
  problem.values = values.take();
  lay_out(steps, problem);
  return problem;
}

std::string Problem::describe_state(State state) const {
  if (state == kDead) return "one that no later operation looks for";
  return table ? table->describe(state) : describe_value(values[state]);
}

Result<Problem> compile(const History& history, const Part& part, Model model,
                        const Value& initial) {
  for (const std::uint32_t i : part.operations) {
    const Kind kind = history.operations[i].kind;
    bool fits = false;
    switch (model) {
      case Model::reg:
        fits = kind == Kind::read || kind == Kind::write;
        break;
      case Model::cas_register:
        fits = kind == Kind::read || kind == Kind::write || kind == Kind::cas;
        break;
      case Model::mutex:
        fits = kind == Kind::acquire || kind == Kind::release;
        break;
      case Model::kv:
        fits = kind == Kind::read || kind == Kind::write || kind == Kind::append;
        break;
      case Model::multi_register:
        fits = kind == Kind::read || kind == Kind::write || kind == Kind::txn;
        break;
    }
    if (!fits) {
      return fail(Errc::invalid, fmt::format("this model has no operation {}", kind_name(kind)));
    }
  }
  Problem problem;
  switch (model) {
    case Model::kv:
      problem = compile_kv(history, part, initial);
      break;
    case Model::multi_register:
      problem = compile_multi(history, part, initial);
      break;
    default:
      problem = compile_register(history, part, model, initial);
  }
  problem.object = part.object;
  return problem;
}

std::vector<Part> split(const History& history, Model model) {
  // joined[k]: a key that k is joined with; itself if it is the name of its group.
  std::map<std::string, std::string> joined;
  const auto group = [&](std::string key) {
    for (auto at = joined.find(key); at != joined.end() && at->second != key;
         at = joined.find(key)) {
      key = at->second;
    }
    return key;
  };
  const auto first_key = [](const Operation& o) -> const std::string& {
    return o.kind == Kind::txn && !o.accesses.empty() ? o.accesses.front().key : o.key;
  };
  if (model == Model::multi_register) {
    for (const Operation& o : history.operations) {
      const std::string to = group(first_key(o));
      for (const Access& a : o.accesses) {
        const std::string from = group(a.key);
        if (from != to) joined[from] = to;
      }
    }
  }
  std::map<std::string, Part> parts;
  for (std::uint32_t i = 0; i < history.operations.size(); ++i) {
    const Operation& o = history.operations[i];
    if (o.outcome == Outcome::fail) continue;
    parts[group(first_key(o))].operations.push_back(i);
  }
  std::vector<Part> out;
  for (auto& [key, part] : parts) {
    part.object = key;
    out.push_back(std::move(part));
  }
  return out;
}

}  // namespace lockstep::check
