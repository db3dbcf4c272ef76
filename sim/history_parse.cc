// The event formats.
#include "sim/history_parse.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/history_text.h"

namespace lockstep::check {

namespace {

std::optional<EventPairs::Type> type_of(std::string_view name) {
  if (name == "invoke") return EventPairs::Type::invoke;
  if (name == "ok") return EventPairs::Type::ok;
  if (name == "fail") return EventPairs::Type::fail;
  if (name == "info") return EventPairs::Type::info;
  return std::nullopt;
}

std::optional<Kind> kind_of(std::string_view name) {
  if (name == "read" || name == "get") return Kind::read;
  if (name == "write" || name == "put") return Kind::write;
  if (name == "cas") return Kind::cas;
  if (name == "append") return Kind::append;
  if (name == "acquire") return Kind::acquire;
  if (name == "release") return Kind::release;
  if (name == "txn") return Kind::txn;
  return std::nullopt;
}

// Fills in what :value says. False: it is not of the form the kind needs.
bool take_value(const Datum* value, Operation& o) {
  const bool present = value != nullptr && value->kind != Datum::Kind::nothing;
  switch (o.kind) {
    case Kind::cas:
      if (!present || value->kind != Datum::Kind::list || value->items.size() != 2) return false;
      o.expected = value->items[0].value();
      o.value = value->items[1].value();
      return true;
    case Kind::txn:
      if (!present || value->kind != Datum::Kind::list) return false;
      for (const Datum& access : value->items) {
        if (access.kind != Datum::Kind::list || access.items.size() != 3) return false;
        const auto what = access.items[0].name();
        if (what != "read" && what != "write") return false;
        o.accesses.push_back(
            {.writes = what == "write",
             .key = std::string(access.items[1].name()),
             .value = access.items[2].value(),
             .known = what == "write" || access.items[2].kind != Datum::Kind::nothing});
      }
      return true;
    case Kind::acquire:
    case Kind::release:
      return true;
    default:
      if (value != nullptr && !value->items.empty()) return false;
      o.value = value == nullptr ? std::nullopt : value->value();
      return true;
  }
}

Status add_edn_event(const Datum& map, const ParseOptions& options, EventPairs& pairs) {
  const Datum* process = map.find("process");
  const Datum* type = map.find("type");
  const Datum* f = map.find("f");
  const Datum* value = map.find("value");
  if (process == nullptr || type == nullptr || f == nullptr) {
    return fail(Errc::invalid, "an event lacks :process, :type or :f");
  }
  if (process->kind != Datum::Kind::integer) return {};  // The nemesis, not a client.
  const auto event = type_of(type->name());
  const auto kind = kind_of(f->name());
  const auto client = to_unsigned(process->text);
  if (!event || !kind || !client) {
    return fail(Errc::invalid, fmt::format("no such event: {} {}", type->text, f->text));
  }
  Operation o;
  o.client = *client;
  o.kind = *kind;
  if (const Datum* key = map.find("key")) o.key = std::string(key->name());
  // Arguments may be missing from an end; then those of the invocation hold.
  bool keep = *event != EventPairs::Type::invoke &&
              (value == nullptr || value->kind == Datum::Kind::nothing) && o.kind != Kind::read;
  keep |= *event == EventPairs::Type::info || *event == EventPairs::Type::fail;
  if (!keep && !take_value(value, o)) {
    return fail(Errc::invalid, fmt::format("the value does not fit {}", f->text));
  }
  if (o.kind == Kind::read && !o.value && options.nil_reads_unknown) o.known = false;
  if (o.kind == Kind::cas && *event == EventPairs::Type::fail && options.failed_cas_missed) {
    o.matched = false;
  }
  return pairs.add(*event, std::move(o), keep);
}

}  // namespace

Status EventPairs::add(Type type, Operation operation, bool keep_arguments) {
  const std::int64_t now = now_++;
  const auto open =
      std::ranges::find(open_, operation.client, &std::pair<std::uint64_t, std::size_t>::first);
  if (type == Type::invoke) {
    if (open != open_.end()) {
      return fail(Errc::invalid,
                  fmt::format("event {}: process {} invokes while its last operation is open", now,
                              operation.client));
    }
    operation.called = now;
    open_.emplace_back(operation.client, history_.operations.size());
    history_.operations.push_back(std::move(operation));
    return {};
  }
  if (open == open_.end()) {
    return fail(Errc::invalid,
                fmt::format("event {}: process {} ends an operation it did not begin", now,
                            operation.client));
  }
  Operation& o = history_.operations[open->second];
  open_.erase(open);
  if (operation.kind != o.kind || operation.key != o.key) {
    return fail(Errc::invalid,
                fmt::format("event {}: process {} ends another operation than it began", now,
                            operation.client));
  }
  if (!keep_arguments) {
    o.value = std::move(operation.value);
    o.expected = std::move(operation.expected);
    o.accesses = std::move(operation.accesses);
  }
  o.known = operation.known;
  o.matched = operation.matched;
  if (type == Type::info) return {};  // Stays open for ever.
  o.returned = now;
  // A cas that found another value did happen: it read.
  o.outcome = type == Type::ok || !o.matched ? Outcome::ok : Outcome::fail;
  return {};
}

History EventPairs::take() {
  open_.clear();
  return std::exchange(history_, {});
}

Result<History> parse_edn(std::string_view text, const ParseOptions& options) {
  DatumReader reader(text);
  EventPairs pairs;
  while (!reader.at_end()) {
    TRY_ASSIGN(const Datum datum, reader.next());
    if (datum.kind == Datum::Kind::map) {
      TRY(add_edn_event(datum, options, pairs));
      continue;
    }
    if (datum.kind != Datum::Kind::list) return fail(Errc::invalid, "an event is not a map");
    for (const Datum& event : datum.items) TRY(add_edn_event(event, options, pairs));
  }
  return pairs.take();
}

Result<History> parse_kvtxt(std::string_view text) {
  // The lines are EDN, except that strings have no escapes; and none needs one.
  if (text.contains('\\')) return fail(Errc::invalid, "a string with a backslash");
  return parse_edn(text, {});
}

Result<History> parse_etcdlog(std::string_view text) {
  EventPairs pairs;
  std::size_t line_number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    DatumReader reader(line);
    std::vector<Datum> words;
    while (!reader.at_end()) {
      TRY_ASSIGN(words.emplace_back(), reader.next());
    }
    // INFO jepsen.util - PROCESS TYPE F VALUE; anything else is another program's line.
    if (words.size() != 7 || words[1].text != "jepsen.util") continue;
    if (words[3].kind != Datum::Kind::integer) continue;  // The nemesis.
    const auto type = type_of(words[4].name());
    const auto kind = kind_of(words[5].name());
    const auto client = to_unsigned(words[3].text);
    if (!type || !kind || !client) {
      return fail(Errc::invalid, fmt::format("line {}: no such event", line_number));
    }
    Operation o;
    o.client = *client;
    o.kind = *kind;
    const bool timed_out = words[6].text == ":timed-out";
    const bool keep = *type == EventPairs::Type::info || timed_out;
    if (!keep && !take_value(&words[6], o)) {
      return fail(Errc::invalid, fmt::format("line {}: the value does not fit", line_number));
    }
    if (*kind == Kind::cas && *type == EventPairs::Type::fail && !timed_out) o.matched = false;
    TRY(pairs.add(*type, std::move(o), keep));
  }
  return pairs.take();
}

Format guess_format(std::string_view text) {
  if (text.starts_with("INFO")) return Format::etcdlog;
  if (text.starts_with("{\"")) return Format::jsonl;
  if (text.starts_with("{:process") && text.substr(0, 200).contains(":key \"")) {
    return Format::kvtxt;
  }
  return Format::edn;
}

Result<History> parse_history(std::string_view text, Format format, const ParseOptions& options) {
  switch (format) {
    case Format::edn:
      return parse_edn(text, options);
    case Format::etcdlog:
      return parse_etcdlog(text);
    case Format::kvtxt:
      return parse_kvtxt(text);
    case Format::jsonl:
      return parse_jsonl(text);
  }
  return fail(Errc::invalid, "no such format");
}

}  // namespace lockstep::check
