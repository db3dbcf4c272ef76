// /leader: GET says who leads; POST hands leadership on ("stepdown").
#include <boost/json/parse.hpp>

#include "api/cluster.h"
#include "api/forwarding.h"
#include "api/replies.h"
#include "api/status_json.h"

namespace lockstep::api {
namespace {

bool is_member(const node::NodeStatus& status, const NodeId& id) {
  for (const auto& peer : status.members) {
    if (peer.member.id == id) return true;
  }
  return false;
}

void show_leader(Context& context, ExchangePtr exchange) {
  const auto status = context.node.status();
  for (const auto& peer : status.members) {
    if (status.leader != peer.member.id) continue;
    return exchange->responder.answer(
        json_page(*exchange, node_json(status, peer, context.options.version)));
  }
  exchange->responder.answer(text_response(503, kLeaderNotFound));
}

Response failed(std::string_view why) {
  return text_response(500, "stepdown: " + std::string(why));
}

void transferred(Context& context, ExchangePtr exchange) {
  Response response = empty_response(200);
  add_served_by(context, *exchange, response);
  exchange->responder.answer(std::move(response));
}

void on_outcome(Context& context, ExchangePtr exchange, const Status& status) {
  if (status) return transferred(context, std::move(exchange));
  if (status.error().code == Errc::not_leader) return pass_on(context, std::move(exchange));
  exchange->responder.answer(failed(status.error().text));
}

// Without `wait` the answer does not depend on what becomes of it.
void begin_transfer(Context& context, ExchangePtr exchange, std::optional<NodeId> target) {
  if (!exchange->params.wait) {
    context.node.transfer_leadership(std::move(target), [](const Status&) {});
    return transferred(context, std::move(exchange));
  }
  context.node.transfer_leadership(
      std::move(target),
      context.life.guard([&context, exchange = std::move(exchange)](Status status) mutable {
        on_outcome(context, std::move(exchange), status);
      }));
}

bool is_json(const Request& request) {
  for (const auto& [name, value] : request.headers) {
    if (name == "content-type") return value == "application/json";
  }
  return false;
}

}  // namespace

Result<std::optional<NodeId>> transfer_target(const Request& request) {
  if (request.body.empty() || !is_json(request)) return std::nullopt;
  boost::json::error_code problem;
  const auto parsed = boost::json::parse({request.body.data(), request.body.size()}, problem);
  if (problem) return fail(Errc::invalid, "invalid JSON: " + problem.message());
  const auto* object = parsed.if_object();
  const auto* id = object != nullptr ? object->if_contains("id") : nullptr;
  if (object == nullptr || (id != nullptr && !id->is_string()))
    return fail(Errc::invalid, "invalid JSON: must be an object with a string \"id\"");
  if (id == nullptr || id->get_string().empty()) return std::nullopt;
  return NodeId{std::string(std::string_view(id->get_string()))};
}

void serve_leader(Context& context, ExchangePtr exchange) {
  if (exchange->request.method == "GET") return show_leader(context, std::move(exchange));
  auto target = transfer_target(exchange->request);
  if (!target) return exchange->responder.answer(text_response(400, target.error().text));
  exchange->is_write = true;
  if (!context.leads()) return pass_on(context, std::move(exchange));
  if (*target == context.self)
    return exchange->responder.answer(failed("cannot step down to the current Leader"));
  if (*target && !is_member(context.node.status(), **target))
    return exchange->responder.answer(failed("node not found in cluster"));
  begin_transfer(context, std::move(exchange), std::move(*target));
}

}  // namespace lockstep::api
