#include "bench/options.h"

#include <charconv>
#include <functional>
#include <map>

namespace lockstep::bench {
namespace {

template <class Number>
Status read_number(const std::string& name, const std::string& text, Number min, Number& into) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < min)
    return fail(Errc::invalid, name + " needs a whole number of at least " + std::to_string(min));
  into = value;
  return {};
}

Status read_targets(const std::string& text, std::vector<Address>& into) {
  into.clear();
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string one = text.substr(begin, end - begin);
    const std::size_t colon = one.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == one.size())
      return fail(Errc::invalid, "--target needs HOST:PORT[,HOST:PORT...]");
    into.push_back({one.substr(0, colon), one.substr(colon + 1)});
    begin = end + 1;
  }
  return {};
}

Status read_work(const std::string& text, Work& into) {
  static const std::map<std::string, Work> kWorks = {
      {"write", Work::write}, {"read", Work::read}, {"ready", Work::ready}};
  const auto it = kWorks.find(text);
  if (it == kWorks.end()) return fail(Errc::invalid, "--work is write, read or ready");
  into = it->second;
  return {};
}

Status read_text(const std::string& name, const std::string& text, std::string& into) {
  if (text.empty()) return fail(Errc::invalid, name + " needs a value");
  into = text;
  return {};
}

Status read_level(const std::string& text, std::string& into) {
  for (const char* level : {"none", "weak", "linearizable", "strong"}) {
    if (text != level) continue;
    into = text;
    return {};
  }
  return fail(Errc::invalid, "--level is none, weak, linearizable or strong");
}

}  // namespace

std::string usage() {
  return R"(lockstep-bench: load for a Lockstep (or rqlite) node over HTTP, and the bare disk beside it

usage: lockstep-bench [options]
  --target H:P[,H:P...]  nodes; connections are spread over them      (127.0.0.1:4001)
  --work write|read|ready  one INSERT, one point SELECT, GET /readyz  (write)
  --level L              read: none, weak, linearizable, strong       (weak)
  --connections N        kept-alive connections, one request each     (1)
  --statements N         statements per request                       (1)
  --seconds N            how long                                     (5)
  --requests N           so many requests, however long they take     (0: until the time is up)
  --rate N               open loop: N requests/s; latency counts from when a request was due
                         (0: closed loop, each connection sends when it was answered)
  --rows N               read: rows in the table                      (1000)
  --sql SQL              write, read: this statement in place of ours, on tables that exist; its ?
                         is bound to the numbers 1 to N of --rows, each once in N statements
  --log FILE             a line per request: when it began (microseconds since 1970), its latency
                         in microseconds
  --server-pid PID       also report that process's CPU time per request
  --disk FOLDER          no server: 4 KiB overwrite + fdatasync, one after another
  --json                 one JSON object instead of lines
  -h, --help             this text

Writes go to the table lockstep_bench, which is made if absent and left behind.
Exit code: 0 measured without errors, 1 some requests failed or the target is not there, 2 bad usage.
)";
}

Result<Options> parse_options(const std::vector<std::string>& arguments) {
  Options options;
  const std::map<std::string, std::function<Status(const std::string&)>> with_value = {
      {"--target", [&](auto& v) { return read_targets(v, options.targets); }},
      {"--work", [&](auto& v) { return read_work(v, options.work); }},
      {"--level", [&](auto& v) { return read_level(v, options.level); }},
      {"--connections",
       [&](auto& v) { return read_number("--connections", v, 1U, options.connections); }},
      {"--statements",
       [&](auto& v) { return read_number("--statements", v, 1U, options.statements); }},
      {"--seconds", [&](auto& v) { return read_number("--seconds", v, 1U, options.seconds); }},
      {"--requests",
       [&](auto& v) { return read_number<std::uint64_t>("--requests", v, 0, options.requests); }},
      {"--sql", [&](auto& v) { return read_text("--sql", v, options.sql); }},
      {"--log", [&](auto& v) { return read_text("--log", v, options.log); }},
      {"--rate", [&](auto& v) { return read_number<std::uint64_t>("--rate", v, 0, options.rate); }},
      {"--rows", [&](auto& v) { return read_number<std::uint64_t>("--rows", v, 1, options.rows); }},
      {"--server-pid",
       [&](auto& v) {
         return read_number<std::uint64_t>("--server-pid", v, 1, options.server_pid);
       }},
      {"--disk",
       [&](auto& v) -> Status {
         options.disk = v;
         return {};
       }},
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    if (name == "-h" || name == "--help") {
      options.help = true;
      continue;
    }
    if (name == "--json") {
      options.json = true;
      continue;
    }
    std::string value;
    const std::size_t equals = name.find('=');
    const bool inline_value = equals != std::string::npos;
    if (inline_value) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    const auto it = with_value.find(name);
    if (it == with_value.end()) return fail(Errc::invalid, "unknown option " + name + " (see -h)");
    if (!inline_value) {
      if (++i == arguments.size()) return fail(Errc::invalid, name + " needs a value");
      value = arguments[i];
    }
    TRY(it->second(value));
  }
  if (!options.log.empty() && !options.disk.empty())
    return fail(Errc::invalid, "--log is of requests: not with --disk");
  if (!options.sql.empty() && options.work == Work::ready)
    return fail(Errc::invalid, "--sql goes with --work write or read");
  return options;
}

}  // namespace lockstep::bench
