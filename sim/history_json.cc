// Our own format: one JSON object a line, an operation or ({"kind":"commit",...}) a log entry. The
// simulator writes it for a failing seed; lockstep-check reads it.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "sim/history_parse.h"
#include "sim/history_text.h"

namespace lockstep::check {

namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

std::string quoted_value(const Value& value) {
  return value ? quoted(*value) : "null";
}

std::string line_of(const Operation& o) {
  std::string out = fmt::format(R"({{"client":{},"kind":"{}")", o.client, kind_name(o.kind));
  if (!o.node.empty()) out += fmt::format(R"(,"node":{},"start":{})", quoted(o.node), o.start);
  if (!o.key.empty()) out += fmt::format(R"(,"key":{})", quoted(o.key));
  if (o.value) out += fmt::format(R"(,"value":{})", quoted_value(o.value));
  if (o.expected) out += fmt::format(R"(,"expected":{})", quoted_value(o.expected));
  if (!o.matched) out += R"(,"matched":false)";
  if (!o.known) out += R"(,"known":false)";
  if (o.kind == Kind::txn) {
    out += R"(,"accesses":[)";
    for (std::size_t i = 0; i < o.accesses.size(); ++i) {
      const Access& a = o.accesses[i];
      const char* what = a.writes ? "write" : a.known ? "read" : "skip";
      out += fmt::format(R"({}["{}",{},{}])", i ? "," : "", what, quoted(a.key),
                         quoted_value(a.value));
    }
    out += "]";
  }
  out += fmt::format(R"(,"call":{})", o.called);
  if (o.returned != kOpen) out += fmt::format(R"(,"return":{})", o.returned);
  out +=
      fmt::format(R"(,"outcome":"{}","level":"{}")", outcome_name(o.outcome), level_name(o.level));
  if (o.index) out += fmt::format(R"(,"index":{})", *o.index);
  return out + "}\n";
}

// The fields of one line, with one place to remember what is wrong.
class Fields {
 public:
  explicit Fields(const Datum& map) : map_(map) {}

  std::string text(std::string_view name) {
    const Datum* d = map_.find(name);
    return d == nullptr ? "" : std::string(d->name());
  }
  Value value(std::string_view name) {
    const Datum* d = map_.find(name);
    return d == nullptr ? std::nullopt : d->value();
  }
  std::uint64_t number(std::string_view name, std::uint64_t otherwise) {
    const Datum* d = map_.find(name);
    if (d == nullptr) return otherwise;
    const auto n = to_unsigned(d->text);
    if (!n) wrong_ = name;
    return n.value_or(0);
  }
  std::int64_t moment(std::string_view name, std::int64_t otherwise) {
    const Datum* d = map_.find(name);
    if (d == nullptr) return otherwise;
    const auto n = to_signed(d->text);
    if (!n) wrong_ = name;
    return n.value_or(0);
  }
  bool flag(std::string_view name) {
    const Datum* d = map_.find(name);
    return d == nullptr || d->text != "false";
  }
  // The enumerator of that name; `otherwise` if absent.
  template <class E, std::size_t kCount>
  E choice(std::string_view name, const std::array<E, kCount>& all, const char* (*name_of)(E),
           E otherwise) {
    const Datum* d = map_.find(name);
    if (d == nullptr) return otherwise;
    for (const E e : all) {
      if (d->name() == name_of(e)) return e;
    }
    wrong_ = name;
    return otherwise;
  }
  void accesses(std::vector<Access>& out) {
    const Datum* d = map_.find("accesses");
    if (d == nullptr) return;
    for (const Datum& a : d->items) {
      if (a.kind != Datum::Kind::list || a.items.size() != 3) {
        wrong_ = "accesses";
        return;
      }
      const auto what = a.items[0].name();
      if (what != "read" && what != "write" && what != "skip") wrong_ = "accesses";
      out.push_back({.writes = what == "write",
                     .key = std::string(a.items[1].name()),
                     .value = a.items[2].value(),
                     .known = what != "skip"});
    }
  }
  void must_have(std::string_view name) {
    if (map_.find(name) == nullptr) wrong_ = name;
  }
  [[nodiscard]] const std::string& wrong() const { return wrong_; }

 private:
  const Datum& map_;
  std::string wrong_;
};

constexpr std::array kKinds{Kind::read,    Kind::write,   Kind::cas, Kind::append,
                            Kind::acquire, Kind::release, Kind::txn};
constexpr std::array kOutcomes{Outcome::ok, Outcome::fail, Outcome::info};
constexpr std::array kLevels{Level::none, Level::weak, Level::linearizable, Level::strong};

Operation operation_of(Fields& f) {
  Operation o;
  f.must_have("kind");
  f.must_have("call");
  o.client = f.number("client", 0);
  o.node = f.text("node");
  o.start = f.number("start", 0);
  o.kind = f.choice("kind", kKinds, kind_name, Kind::read);
  o.key = f.text("key");
  o.value = f.value("value");
  o.expected = f.value("expected");
  o.matched = f.flag("matched");
  o.known = f.flag("known");
  f.accesses(o.accesses);
  o.called = f.moment("call", 0);
  o.returned = f.moment("return", kOpen);
  o.outcome = f.choice("outcome", kOutcomes, outcome_name, Outcome::info);
  o.level = f.choice("level", kLevels, level_name, Level::linearizable);
  if (const std::uint64_t index = f.number("index", 0)) o.index = index;
  return o;
}

}  // namespace

std::string to_jsonl(const History& history) {
  std::string out;
  if (history.unit == TimeUnit::nanosecond) out += "{\"kind\":\"unit\",\"value\":\"nanosecond\"}\n";
  for (const Operation& o : history.operations) out += line_of(o);
  for (const LoggedWrite& w : history.log) {
    out += fmt::format("{{\"kind\":\"commit\",\"index\":{},\"key\":{},\"value\":{}}}\n", w.index,
                       quoted(w.key), quoted_value(w.value));
  }
  return out;
}

Result<History> parse_jsonl(std::string_view text) {
  History out;
  DatumReader reader(text);
  for (std::size_t item = 1; !reader.at_end(); ++item) {
    TRY_ASSIGN(const Datum datum, reader.next());
    if (datum.kind != Datum::Kind::map) {
      return fail(Errc::invalid, fmt::format("item {} is not an object", item));
    }
    Fields f(datum);
    const std::string kind = f.text("kind");
    if (kind == "unit") {
      out.unit = f.text("value") == "nanosecond" ? TimeUnit::nanosecond : TimeUnit::event;
    } else if (kind == "commit") {
      f.must_have("index");
      const std::uint64_t index = f.number("index", 0);
      if (!out.log.empty() && index < out.log.back().index) {
        return fail(Errc::invalid, fmt::format("item {}: log entries must ascend", item));
      }
      out.log.push_back({.index = index, .key = f.text("key"), .value = f.value("value")});
    } else {
      out.operations.push_back(operation_of(f));
    }
    if (!f.wrong().empty()) {
      return fail(Errc::invalid, fmt::format("item {}: bad or missing \"{}\"", item, f.wrong()));
    }
  }
  return out;
}

}  // namespace lockstep::check
