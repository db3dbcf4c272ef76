// Words for operations. Long values are shortened in the middle: a counterexample must fit a
// terminal.
#include "sim/history.h"

#include <algorithm>

#include <fmt/format.h>

namespace lockstep::check {

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::read:
      return "read";
    case Kind::write:
      return "write";
    case Kind::cas:
      return "cas";
    case Kind::append:
      return "append";
    case Kind::acquire:
      return "acquire";
    case Kind::release:
      return "release";
    case Kind::txn:
      return "txn";
  }
  return "";
}

const char* outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok:
      return "ok";
    case Outcome::fail:
      return "fail";
    case Outcome::info:
      return "info";
  }
  return "";
}

const char* level_name(Level level) {
  switch (level) {
    case Level::none:
      return "none";
    case Level::weak:
      return "weak";
    case Level::linearizable:
      return "linearizable";
    case Level::strong:
      return "strong";
  }
  return "";
}

bool is_pure_read(const Operation& operation) {
  if (operation.kind == Kind::read) return true;
  return operation.kind == Kind::txn &&
         std::ranges::none_of(operation.accesses, [](const Access& a) { return a.writes; });
}

std::string describe_value(const Value& value) {
  if (!value) return "nil";
  constexpr std::size_t kShown = 48;
  if (value->empty()) return "\"\"";
  if (value->size() <= kShown) return *value;
  return fmt::format("{}...{} ({} bytes)", value->substr(0, kShown / 2),
                     value->substr(value->size() - kShown / 2), value->size());
}

std::string describe_time(std::int64_t time, TimeUnit unit) {
  if (time == kOpen) return "never";
  if (unit == TimeUnit::event) return fmt::format("event {}", time);
  return fmt::format("{}.{:06} s", time / 1'000'000'000, time / 1000 % 1'000'000);
}

namespace {

std::string describe_accesses(const std::vector<Access>& accesses) {
  std::string out;
  for (const Access& a : accesses) {
    if (!out.empty()) out += ", ";
    const std::string value = a.known ? describe_value(a.value) : "?";
    out += fmt::format("{} {} = {}", a.writes ? "write" : "read", a.key, value);
  }
  return out;
}

}  // namespace

std::string describe_call(const Operation& operation) {
  const std::string value = describe_value(operation.value);
  const std::string on = operation.key.empty() ? "" : operation.key + ", ";
  switch (operation.kind) {
    case Kind::read: {
      const bool known = operation.outcome == Outcome::ok && operation.known;
      return fmt::format("read({}) = {}", operation.key, known ? value : "?");
    }
    case Kind::write:
    case Kind::append:
      return fmt::format("{}({}{})", kind_name(operation.kind), on, value);
    case Kind::cas:
      return fmt::format("cas({}{} -> {}){}", on, describe_value(operation.expected), value,
                         operation.matched ? "" : " = no match");
    case Kind::acquire:
    case Kind::release:
      return fmt::format("{}({})", kind_name(operation.kind), operation.key);
    case Kind::txn:
      return fmt::format("txn({})", describe_accesses(operation.accesses));
  }
  return "";
}

std::string describe(const Operation& operation, TimeUnit unit) {
  std::string out = fmt::format("{} by client {}", describe_call(operation), operation.client);
  if (!operation.node.empty()) {
    out += fmt::format(" on node {} (start {})", operation.node, operation.start);
  }
  if (is_pure_read(operation)) out += fmt::format(", level {}", level_name(operation.level));
  out += fmt::format(", {} to {}", describe_time(operation.called, unit),
                     describe_time(operation.returned, unit));
  if (operation.index) out += fmt::format(", log index {}", *operation.index);
  if (operation.outcome != Outcome::ok) out += fmt::format(", {}", outcome_name(operation.outcome));
  return out;
}

}  // namespace lockstep::check
