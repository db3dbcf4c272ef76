#include "host/join_resolver.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "host/http_probe.h"
#include "host/loop.h"

namespace lockstep::host {

struct JoinResolver::State : std::enable_shared_from_this<State> {
  struct Entry {
    JoinTarget target;
    std::optional<std::string> resolved;
    bool has_leader = false;
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
      const StatusAnswer status = read_status(answer.body);
      const bool usable = status.open || options.expects_all;
      if (usable && !status.raft_addr.empty()) entry.resolved = status.raft_addr;
      entry.has_leader = status.has_leader;
      answer.why = "it is not ready";
    }
    entry.why = answer.why;
    // An entry that is known may still come to know a leader.
    if (!entry.resolved || options.expects_all) {
      loop.at(loop.now() + options.ask_interval, [self = shared_from_this(), number] {
        if (self->done) self->ask(number);
      });
    }
    if (std::ranges::all_of(entries, [](const Entry& e) { return e.resolved.has_value(); }))
      return finish();
    const bool some = options.expects_all ? entry.has_leader : entry.resolved.has_value();
    if (!some || std::exchange(in_grace, true)) return;
    finish_at(loop.now() + options.grace);
  }

  // What is written as a Raft address is one, most likely; asking it will tell.
  void believe_silent() {
    if (!done) return;
    for (Entry& each : entries) {
      if (!each.target.http && !each.resolved) each.resolved = to_string(each.target.address);
    }
    if (std::ranges::all_of(entries, [](const Entry& e) { return e.resolved.has_value(); }))
      finish();
  }

  void finish_at(TimePoint when) {
    loop.at(when, [self = shared_from_this()] { self->finish(); });
  }

  void finish() {
    auto callback = std::exchange(done, nullptr);
    if (!callback) return;
    std::vector<std::string> addresses;
    std::string silent;
    const bool cluster = std::ranges::any_of(entries, &Entry::has_leader);
    for (const Entry& each : entries) {
      const std::string name = to_string(each.target.address);
      if (!each.resolved) silent += (silent.empty() ? "" : ", ") + name + " (" + each.why + ")";
      if (!each.resolved && each.target.http) continue;
      const std::string address = each.resolved.value_or(name);
      if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
    }
    if (options.expects_all && !silent.empty() && !cluster)
      return callback(
          fail(Errc::timeout, "boot timeout: no cluster has formed: no answer from " + silent));
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
  if (options.expects_all)
    loop.at(loop.now() + options.silence_grace, [state = state_] { state->believe_silent(); });
  for (std::size_t number = 0; number < state_->entries.size(); ++number) state_->ask(number);
}

JoinResolver::~JoinResolver() {
  state_->done = nullptr;
}

StatusAnswer read_status(const std::string& body) {
  StatusAnswer answer;
  boost::system::error_code error;
  const boost::json::value status = boost::json::parse(body, error);
  if (error || !status.is_object()) return answer;
  const boost::json::value* store = status.as_object().if_contains("store");
  if (store == nullptr || !store->is_object()) return answer;
  const boost::json::object& members = store->as_object();
  if (const auto* open = members.if_contains("open"); open != nullptr && open->is_bool())
    answer.open = open->as_bool();
  if (const auto* leader = members.if_contains("leader");
      leader != nullptr && leader->is_object()) {
    const auto* id = leader->as_object().if_contains("node_id");
    answer.has_leader = id != nullptr && id->is_string() && !id->as_string().empty();
  }
  const auto* address = members.if_contains("addr");
  if (address == nullptr || !address->is_string()) return answer;
  std::string text(address->as_string());
  if (parse_host_port(text)) answer.raft_addr = std::move(text);
  return answer;
}

std::string status_before_open(const std::string& raft_addr) {
  return boost::json::serialize(
      boost::json::object{{"store", {{"addr", raft_addr}, {"open", false}}}});
}

}  // namespace lockstep::host
