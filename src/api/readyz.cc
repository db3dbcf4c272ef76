// GET /readyz: may traffic be sent here? The lines are rqlite's to the byte, failures included
// (they too begin with [+]).
#include "api/cluster.h"
#include "api/json_request.h"
#include "api/replies.h"

namespace lockstep::api {
namespace {

constexpr Duration kDatabaseWait = seconds(1);

Response page(unsigned status, std::string body) {
  Response response = empty_response(status);
  response.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(body);
  return response;
}

bool leader_contactable(const node::NodeStatus& status, Duration timeout) {
  if (status.leader == status.self) return true;
  if (status.leader_contact_age && *status.leader_contact_age <= timeout) return true;
  for (const auto& peer : status.members) {
    if (status.leader == peer.member.id) return peer.reachable;
  }
  return false;
}

std::string database_problem(const Result<node::Answer>& answer) {
  if (!answer) return "(" + answer.error().text + ", [])";
  if (!answer->result.error.empty()) return "(" + answer->result.error + ", [])";
  if (answer->result.statements.size() != 1) return "(<nil>, [])";
  const auto* error = std::get_if<sql::SqlError>(&answer->result.statements.front().outcome);
  return error == nullptr ? "" : "(" + error->text + ", [])";
}

void check_database(Context& context, ExchangePtr exchange, std::string lines) {
  auto command = single_statement("SELECT 1", {.kind = wire::CommandKind::query});
  context.node.read(node::ReadLevel::none, std::move(command), kDatabaseWait,
                    context.life.guard([exchange = std::move(exchange), lines = std::move(lines)](
                                           Result<node::Answer> answer) mutable {
                      const std::string problem = database_problem(answer);
                      if (problem.empty()) {
                        return exchange->responder.answer(page(200, lines + "\n[+]db ok"));
                      }
                      exchange->responder.answer(page(503, lines + "\n[+]db not ok: " + problem));
                    }));
}

// A linearizable read that asks for nothing: once it is answered, all that was committed when the
// request came is applied here.
void wait_for_sync(Context& context, ExchangePtr exchange, std::string lines) {
  auto command = single_statement("SELECT 1", {.kind = wire::CommandKind::query});
  const Duration wait = exchange->params.timeout;
  context.node.read(
      node::ReadLevel::linearizable, std::move(command), wait,
      context.life.guard([&context, exchange = std::move(exchange),
                          lines = std::move(lines)](const Result<node::Answer>& answer) mutable {
        if (answer) return check_database(context, std::move(exchange), lines + "\n[+]sync ok");
        exchange->responder.answer(page(503, lines + "\n[+]sync " + answer.error().text));
      }));
}

}  // namespace

Readiness readiness_of(const node::NodeStatus& status, Duration timeout) {
  if (!status.out_of_service.empty())
    return {.status = 503, .body = "[+]node not ok: " + status.out_of_service};
  std::string lines = "[+]node ok";
  if (!status.leader) return {.status = 503, .body = lines + "\n[+]leader does not exist"};
  if (!leader_contactable(status, timeout)) {
    return {.status = 503,
            .body = lines + "\n[+]leader not contactable: timeout waiting for node to respond"};
  }
  lines += "\n[+]leader ok";
  if (!status.ready) return {.status = 503, .body = lines + "\n[+]store not ready"};
  return {.status = 200, .body = lines + "\n[+]store ok"};
}

void serve_readyz(Context& context, ExchangePtr exchange) {
  if (exchange->params.no_leader) return exchange->responder.answer(page(200, "[+]node ok"));
  const auto status = context.node.status();
  Readiness readiness = readiness_of(status, exchange->params.timeout);
  if (readiness.status != 200) {
    return exchange->responder.answer(page(readiness.status, std::move(readiness.body)));
  }
  if (!exchange->params.sync) {
    return check_database(context, std::move(exchange), std::move(readiness.body));
  }
  wait_for_sync(context, std::move(exchange), std::move(readiness.body));
}

}  // namespace lockstep::api
