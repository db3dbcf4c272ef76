#include "host/join_resolver.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "host/http_probe.h"
#include "host/loop.h"

namespace lockstep::host {

struct JoinResolver::State : std::enable_shared_from_this<State> {
  struct Entry {
    JoinTarget target;
    std::optional<std::string> resolved;
    std::string why;  // not resolved yet
  };

  State(Loop& the_loop, LogSink& the_log, JoinOptions the_options, JoinResolved callback)
      : loop(the_loop), log(the_log), options(the_options), done(std::move(callback)) {}

  void ask(std::size_t number) {
    http_probe(loop, entries[number].target.address, "/status", options.ask_timeout,
               [self = shared_from_this(), number](ProbeResult answer) {
                 self->loop.begin_turn();
                 self->answered(number, std::move(answer));
               });
  }

  void answered(std::size_t number, ProbeResult answer) {
    if (!done) return;
    Entry& entry = entries[number];
    if (answer.kind == ProbeResult::Kind::not_http && !entry.target.http)
      entry.resolved = to_string(entry.target.address);
    if (answer.kind == ProbeResult::Kind::http) {
      entry.resolved = raft_address_of_status(answer.body);
      answer.why = "it is not ready";
    }
    entry.why = answer.why;
    if (!entry.resolved) {
      loop.at(loop.now() + options.ask_interval, [self = shared_from_this(), number] {
        if (self->done) self->ask(number);
      });
      return;
    }
    if (std::ranges::all_of(entries, [](const Entry& e) { return e.resolved.has_value(); }))
      return finish();
    if (std::exchange(in_grace, true)) return;
    finish_at(loop.now() + options.grace);
  }

  void finish_at(TimePoint when) {
    loop.at(when, [self = shared_from_this()] { self->finish(); });
  }

  void finish() {
    auto callback = std::exchange(done, nullptr);
    if (!callback) return;
    std::vector<std::string> addresses;
    std::string silent;
    for (const Entry& each : entries) {
      const std::string name = to_string(each.target.address);
      if (!each.resolved) silent += (silent.empty() ? "" : ", ") + name + " (" + each.why + ")";
      if (!each.resolved && each.target.http) continue;
      const std::string address = each.resolved.value_or(name);
      if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
    }
    if (addresses.empty())
      return callback(fail(Errc::no_leader, "none of the -join addresses answers: " + silent));
    callback(std::move(addresses));
  }

  Loop& loop;
  LogSink& log;
  JoinOptions options;
  JoinResolved done;
  std::vector<Entry> entries;
  bool in_grace = false;
};

JoinResolver::JoinResolver(Loop& loop, LogSink& log, std::vector<JoinTarget> targets,
                           JoinOptions options, JoinResolved done)
    : state_(std::make_shared<State>(loop, log, options, std::move(done))) {
  for (JoinTarget& each : targets)
    state_->entries.push_back({.target = std::move(each), .resolved = {}, .why = "no answer yet"});
  state_->finish_at(loop.now() + options.give_up_after);
  for (std::size_t number = 0; number < state_->entries.size(); ++number) state_->ask(number);
}

JoinResolver::~JoinResolver() {
  state_->done = nullptr;
}

std::optional<std::string> raft_address_of_status(const std::string& body) {
  boost::system::error_code error;
  const boost::json::value status = boost::json::parse(body, error);
  if (error || !status.is_object()) return {};
  const boost::json::value* store = status.as_object().if_contains("store");
  if (store == nullptr || !store->is_object()) return {};
  const boost::json::value* address = store->as_object().if_contains("addr");
  if (address == nullptr || !address->is_string()) return {};
  std::string text(address->as_string());
  if (!parse_host_port(text)) return {};
  return text;
}

}  // namespace lockstep::host
