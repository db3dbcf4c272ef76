#include "api/cluster.h"

#include <boost/json/parse.hpp>

#include "api/forwarding.h"
#include "api/json_object.h"
#include "api/json_response.h"
#include "api/replies.h"
#include "api/status_json.h"

namespace lockstep::api {
namespace {

Response removed(const Context& context, const Exchange& exchange) {
  Response response = empty_response(200);
  add_served_by(context, exchange, response);
  return response;
}

void on_removed(Context& context, ExchangePtr exchange, const Status& status) {
  if (status) return exchange->responder.answer(removed(context, *exchange));
  const Errc code = status.error().code;
  if (code == Errc::not_leader || code == Errc::no_leader) {
    return pass_on(context, std::move(exchange));
  }
  if (code == Errc::refused)
    return exchange->responder.answer(text_response(409, status.error().text));
  if (code == Errc::out_of_service)
    return exchange->responder.answer(text_response(503, status.error().text));
  exchange->responder.answer(text_response(500, status.error().text));
}

}  // namespace

Response json_page(const Exchange& exchange, std::string json) {
  return json_response(exchange.params.render.pretty ? indent_json(json) : std::move(json));
}

void serve_status(Context& context, ExchangePtr exchange) {
  StatusExtras extras;
  extras.version = context.options.version;
  extras.http_adv_addr = context.options.http_adv_addr;
  extras.start_time = context.started_wall;
  extras.current_time = context.clock.wall();
  extras.uptime = context.clock.now() - context.started;
  extras.store = context.options.store_status;
  if (context.options.host_status) extras.host = context.options.host_status();
  std::string json = status_json(context.node.status(), extras);
  const std::string& key = exchange->params.key;
  if (!key.empty()) return exchange->responder.answer(json_response(select_json(json, key)));
  exchange->responder.answer(json_page(*exchange, std::move(json)));
}

void serve_nodes(Context& context, ExchangePtr exchange) {
  const Params& params = exchange->params;
  const bool legacy = params.version != "2";
  exchange->responder.answer(json_page(
      *exchange,
      nodes_json(context.node.status(), context.options.version, params.non_voters, legacy)));
}

std::optional<Removal> parse_remove(std::string_view body) {
  boost::json::error_code problem;
  const auto parsed = boost::json::parse({body.data(), body.size()}, problem);
  if (problem || !parsed.is_object()) return std::nullopt;
  const auto& object = parsed.get_object();
  const auto* id = object.if_contains("id");
  if (id == nullptr || !id->is_string()) return std::nullopt;
  Removal removal{.id = std::string(std::string_view(id->get_string()))};
  const auto* force = object.if_contains("force");
  if (object.size() != (force == nullptr ? 1 : 2)) return std::nullopt;
  if (force == nullptr) return removal;
  if (!force->is_bool()) return std::nullopt;
  removal.force = force->get_bool();
  return removal;
}

void serve_remove(Context& context, ExchangePtr exchange) {
  const auto removal = parse_remove(exchange->request.body);
  if (!removal) return exchange->responder.answer(empty_response(400));
  exchange->is_write = true;
  if (!context.leads()) return pass_on(context, std::move(exchange));
  // Removing a stranger succeeds: the caller wants it gone, and it is.
  context.node.remove_member(
      NodeId{removal->id}, removal->force,
      context.life.guard([&context, exchange = std::move(exchange)](Status status) mutable {
        on_removed(context, std::move(exchange), status);
      }));
}

}  // namespace lockstep::api
