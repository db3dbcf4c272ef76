#include "sim/client_link.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"

namespace lockstep::sim {

ClientLink::ClientLink(EventQueue& queue, Trace& trace, Violations& violations,
                       std::vector<std::unique_ptr<Machine>>& machines, Rng rng, Options options)
    : queue_(queue),
      trace_(trace),
      violations_(violations),
      machines_(machines),
      rng_(rng),
      options_(options) {}

Duration ClientLink::draw_delay() {
  return Duration(rng_.between(static_cast<std::uint64_t>(options_.delay_min.count()),
                               static_cast<std::uint64_t>(options_.delay_max.count())));
}

Duration ClientLink::draw_request_delay() {
  const bool late = rng_.chance(options_.late_per_10k, 10'000);
  return late ? draw_delay() * 3'000 : draw_delay();
}

void ClientLink::send(std::size_t machine, api::Request request, Duration timeout, Done done) {
  const std::uint64_t id = ++last_id_;
  trace_.add_bytes(request.target, machine, request.body);
  const auto timer = queue_.after(timeout, [this, id] { finish(id, {}); });
  calls_.emplace(id, Call{.done = std::move(done), .timer = timer});
  const bool lost = draw_loss();
  const Duration delay = draw_request_delay();
  if (lost) return;
  queue_.after(delay, [this, id, machine, request = std::move(request)]() mutable {
    arrive(id, machine, std::move(request));
  });
}

// The client may have given up: a late request is served all the same.
void ClientLink::arrive(std::uint64_t id, std::size_t number, api::Request request) {
  Machine& machine = *machines_[number];
  if (!machine.running()) {
    const Duration delay = draw_delay();
    queue_.after(delay, [this, id] { finish(id, {.fate = Fate::refused, .response = {}}); });
    return;
  }
  at_server_.emplace(id, AtServer{.machine = machine.number(),
                                  .start = machine.starts(),
                                  .since = queue_.now(),
                                  .target = request.target});
  const bool taken = machine.handle(std::move(request), [this, id](api::Response response) {
    answered(id, std::move(response));
  });
  CHECK(taken);
}

void ClientLink::answered(std::uint64_t id, api::Response response) {
  const auto served = at_server_.find(id);
  CHECK(served != at_server_.end());
  if (served->second.answered) {
    violations_.report(queue_.now(), "answered twice", served->second.target);
    return;
  }
  Exchange exchange{
      .fate = Fate::answered, .response = std::move(response), .start = served->second.start};
  trace_.add_bytes("answer", exchange.response.status, exchange.response.body);
  served->second.answered = true;
  const bool lost = draw_loss();
  const Duration delay = draw_delay();
  if (lost) return;
  queue_.after(delay, [this, id, exchange = std::move(exchange)]() mutable {
    finish(id, std::move(exchange));
  });
}

void ClientLink::finish(std::uint64_t id, Exchange exchange) {
  auto call = calls_.extract(id);
  if (call.empty()) return;  // Legal: timed out, then answered.
  queue_.cancel(call.mapped().timer);
  call.mapped().done(std::move(exchange));
}

std::optional<std::string> ClientLink::overdue(Duration bound) const {
  for (const auto& [id, served] : at_server_) {
    const Machine& machine = *machines_[served.machine];
    const bool lives = machine.running() && !machine.paused() && machine.starts() == served.start;
    if (!lives || served.answered || queue_.now() - served.since <= bound) continue;
    return fmt::format("{} on {} since {}", served.target, machine.name(),
                       seconds_text(served.since));
  }
  return std::nullopt;
}

}  // namespace lockstep::sim
