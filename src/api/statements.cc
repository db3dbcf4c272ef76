// The three endpoints that take SQL. Each turns its request into a command and lets the node write
// or read; what needs the leader elsewhere is passed on (forwarding.h).
#include "api/statements.h"

#include "api/forwarding.h"
#include "api/json_request.h"
#include "api/replies.h"
#include "base/bugs.h"

namespace lockstep::api {
namespace {

constexpr Duration kQueryWait = seconds(10);  // of a linearizable read, to see its index applied
constexpr Duration kRequestWait = seconds(1);

ParseOptions parse_options(const Params& params, wire::CommandKind kind) {
  return {.kind = kind,
          .transaction = params.transaction,
          .no_parse = params.no_parse,
          .db_timeout = params.db_timeout};
}

// The command in the body; text/plain bodies are one statement where that is allowed.
Result<std::string> command_in_body(const Exchange& exchange, wire::CommandKind kind,
                                    bool plain_text_allowed) {
  const auto options = parse_options(exchange.params, kind);
  if (plain_text_allowed && is_plain_text(exchange.request)) {
    return single_statement(exchange.request.body, options);
  }
  return parse_statements(exchange.request.body, options);
}

// Whether only the leader can read at this level. A linearizable read runs on any node, which asks
// the leader for an index; but what another node passed on was meant for the leader itself.
bool needs_leader(const Context& context, const Exchange& exchange, node::ReadLevel level) {
  if (level == node::ReadLevel::none || context.leads()) return false;
  return level != node::ReadLevel::linearizable || exchange.forwarded;
}

node::ReadLevel level_of(const Context& context, const Exchange& exchange) {
  const bool voter = context.node.core().membership().is_voter(context.self);
  return resolve_level(exchange.params.level, voter);
}

Contact contact_of(const Context& context) {
  const auto& core = context.node.core();
  Contact contact{.leads = context.leads(),
                  .age = {},
                  .applied = context.node.applied(),
                  .commit = core.commit()};
  if (const auto heard = core.leader_contact()) contact.age = context.clock.now() - *heard;
  return contact;
}

void answer_error(Context& context, ExchangePtr exchange, Errc code, Verdict verdict) {
  // Somebody led a moment ago: an election is under way, and worth waiting for.
  const bool moving = code == Errc::not_leader && !context.node.core().leader();
  if (moving) verdict.form = Verdict::Form::later;
  switch (verdict.form) {
    case Verdict::Form::elsewhere:
      return pass_on(context, std::move(exchange));
    case Verdict::Form::later:
      return serve_later(context, std::move(exchange), std::move(verdict.text));
    case Verdict::Form::refusal:
      return exchange->responder.answer(text_response(503, verdict.text));
    case Verdict::Form::envelope:
      return exchange->responder.answer(
          results_response(context, *exchange, nullptr, std::move(verdict.text)));
  }
}

void answer_write(Context& context, ExchangePtr exchange, const Result<node::Answer>& answer) {
  if (answer) return exchange->responder.answer(results_response(context, *exchange, &*answer, {}));
  const Errc code = answer.error().code;
  if (LOCKSTEP_BUG(failed_but_proposed) && (code == Errc::unknown || code == Errc::timeout)) {
    return exchange->responder.answer(text_response(503, kLeaderNotFound));
  }
  auto verdict = verdict_on_write(answer.error());
  answer_error(context, std::move(exchange), code, std::move(verdict));
}

void write(Context& context, ExchangePtr exchange, std::string command) {
  exchange->is_write = true;
  auto done = [&context, exchange = std::move(exchange)](Result<node::Answer> answer) mutable {
    answer_write(context, std::move(exchange), answer);
  };
  context.node.write(std::move(command), context.life.guard(std::move(done)));
}

void answer_read(Context& context, ExchangePtr exchange, const Result<node::Answer>& answer) {
  if (answer) return exchange->responder.answer(results_response(context, *exchange, &*answer, {}));
  auto verdict = verdict_on_read(answer.error());
  answer_error(context, std::move(exchange), answer.error().code, std::move(verdict));
}

void read(Context& context, ExchangePtr exchange, node::ReadLevel level, std::string command,
          Duration wait) {
  exchange->is_write = false;
  const Params& params = exchange->params;
  if (level == node::ReadLevel::none &&
      !is_fresh(contact_of(context), params.freshness, params.freshness_strict)) {
    return exchange->responder.answer(results_response(context, *exchange, nullptr, "stale read"));
  }
  auto done = [&context, exchange = std::move(exchange)](Result<node::Answer> answer) mutable {
    answer_read(context, std::move(exchange), answer);
  };
  context.node.read(level, std::move(command), wait, context.life.guard(std::move(done)));
}

void read_or_write(Context& context, ExchangePtr exchange, node::ReadLevel level,
                   std::string command, bool read_only) {
  if (read_only) {
    wire::set_command_kind(command, wire::CommandKind::query);
    return read(context, std::move(exchange), level, std::move(command), kRequestWait);
  }
  exchange->is_write = true;
  if (!context.leads()) return pass_on(context, std::move(exchange));
  write(context, std::move(exchange), std::move(command));
}

}  // namespace

void serve_execute(Context& context, ExchangePtr exchange) {
  if (exchange->params.queue) {
    return exchange->responder.answer(not_implemented("queued writes"));
  }
  auto command = command_in_body(*exchange, wire::CommandKind::execute, true);
  if (!command) return exchange->responder.answer(text_response(400, command.error().text));
  exchange->is_write = true;
  if (!context.leads()) return pass_on(context, std::move(exchange));
  write(context, std::move(exchange), std::move(*command));
}

void serve_query(Context& context, ExchangePtr exchange) {
  const Params& params = exchange->params;
  Result<std::string> command =
      exchange->request.method == "GET"
          ? single_statement(params.q.value_or(""), parse_options(params, wire::CommandKind::query))
          : command_in_body(*exchange, wire::CommandKind::query, true);
  if (!command) return exchange->responder.answer(text_response(400, command.error().text));
  const auto level = level_of(context, *exchange);
  if (needs_leader(context, *exchange, level)) return pass_on(context, std::move(exchange));
  Duration wait = params.linearizable_timeout.value_or(kQueryWait);
  if (wait <= Duration::zero()) wait = kRequestWait;
  read(context, std::move(exchange), level, std::move(*command), wait);
}

void serve_request(Context& context, ExchangePtr exchange) {
  auto command = command_in_body(*exchange, wire::CommandKind::request, false);
  if (!command) return exchange->responder.answer(text_response(400, command.error().text));
  const auto level = level_of(context, *exchange);
  if (needs_leader(context, *exchange, level)) {
    exchange->is_write = true;  // for all this node knows
    return pass_on(context, std::move(exchange));
  }
  // Reads at this level are log entries like the writes beside them.
  if (level == node::ReadLevel::strong) {
    return read_or_write(context, std::move(exchange), level, std::move(*command), false);
  }
  std::string classified = *command;
  context.node.classify(std::move(classified),
                        context.life.guard([&context, exchange = std::move(exchange), level,
                                            text = std::move(*command)](bool read_only) mutable {
                          read_or_write(context, std::move(exchange), level, std::move(text),
                                        read_only);
                        }));
}

}  // namespace lockstep::api
