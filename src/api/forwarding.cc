#include "api/forwarding.h"

#include <algorithm>

#include "api/replies.h"
#include "base/bugs.h"

namespace lockstep::api {
namespace {

// A change of leader takes a few election timeouts; these waits add up to 1.6 seconds.
constexpr unsigned kAttemptsMax = 8;
constexpr Duration kRetryDelay = milliseconds(50);
constexpr Duration kRetryDelayMax = milliseconds(250);

TimePoint deadline_of(const Exchange& exchange) {
  return exchange.started + exchange.params.timeout;
}

// Serves the request from the start, after a pause: meanwhile this node may have become the leader
// itself. Nothing was executed so far.
void try_again(Context& context, ExchangePtr exchange, std::string_view why) {
  const Duration pause = std::min(kRetryDelay * exchange->attempts, kRetryDelayMax);
  const TimePoint due = context.clock.now() + pause;
  if (exchange->attempts >= kAttemptsMax || due >= deadline_of(*exchange)) {
    return exchange->responder.answer(text_response(503, why));
  }
  auto serve = [&context, exchange = std::move(exchange)]() mutable {
    const Serve endpoint = exchange->serve;
    endpoint(context, std::move(exchange));
  };
  if (context.options.turns == nullptr) return serve();
  context.options.turns->at(due, context.life.guard(std::move(serve)));
}

Response passed_back(wire::ForwardReply reply) {
  return {
      .status = reply.status, .headers = std::move(reply.headers), .body = std::move(reply.body)};
}

// Whether the leader executed it is not known.
void undecided(Context& context, ExchangePtr exchange, const Error& error) {
  if (LOCKSTEP_BUG(forward_retried) && exchange->is_write && !exchange->sent_again) {
    exchange->sent_again = true;
    return pass_on(context, std::move(exchange));
  }
  auto verdict = exchange->is_write ? verdict_on_write(error) : verdict_on_read(error);
  exchange->responder.answer(
      results_response(context, *exchange, nullptr, std::move(verdict.text)));
}

void on_reply(Context& context, ExchangePtr exchange, Result<wire::ForwardReply> reply) {
  if (reply && !reply->not_leader) {
    return exchange->responder.answer(passed_back(std::move(*reply)));
  }
  if (reply) return try_again(context, std::move(exchange), kLeaderNotFound);
  switch (reply.error().code) {
    case Errc::not_leader:
    case Errc::no_leader:
      return try_again(context, std::move(exchange), kLeaderNotFound);
    case Errc::busy:
    case Errc::refused:
    case Errc::out_of_service:
      return exchange->responder.answer(text_response(503, reply.error().text));
    default:
      return undecided(context, std::move(exchange), reply.error());
  }
}

wire::Forward forward_of(const Request& request) {
  wire::Forward forward;
  forward.method = request.method;
  forward.target = request.target;
  forward.headers = request.headers;
  forward.body =
      request.body;  // a copy: a refusal by the other side leaves it to be sent elsewhere
  return forward;
}

}  // namespace

void pass_on(Context& context, ExchangePtr exchange) {
  if (exchange->forwarded) return exchange->responder.answer(empty_response(kMisdirected));
  if (exchange->params.redirect) {
    return exchange->responder.answer(
        redirect_response(context.node.status().leader_api_addr, exchange->target));
  }
  const bool first = exchange->attempts++ == 0;
  if (!context.node.core().leader()) {
    if (first) return exchange->responder.answer(text_response(503, kLeaderNotFound));
    return try_again(context, std::move(exchange), kLeaderNotFound);
  }
  const Duration left = deadline_of(*exchange) - context.clock.now();
  auto forward = forward_of(exchange->request);
  context.node.forward(std::move(forward), left,
                       context.life.guard([&context, exchange = std::move(exchange)](
                                              Result<wire::ForwardReply> reply) mutable {
                         on_reply(context, std::move(exchange), std::move(reply));
                       }));
}

void serve_later(Context& context, ExchangePtr exchange, std::string why) {
  if (exchange->forwarded) return exchange->responder.answer(empty_response(kMisdirected));
  ++exchange->attempts;
  try_again(context, std::move(exchange), why);
}

Response redirect_response(const std::string& leader_api_addr, const Target& target) {
  if (leader_api_addr.empty()) return text_response(500, kLeaderNotFound);
  Response response = empty_response(301);
  std::string location = leader_api_addr + target.path;
  if (!target.raw_query.empty()) location += "?" + target.raw_query;
  response.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  response.headers.emplace_back("Location", std::move(location));
  return response;
}

}  // namespace lockstep::api
