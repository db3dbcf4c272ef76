#include "api/replies.h"

namespace lockstep::api {
namespace {

constexpr std::string_view kLeadershipLost = "leadership lost while committing log";
constexpr std::string_view kMayTakeEffect = "; it may or may not take effect";
constexpr std::string_view kDiskFull = "disk is full: no writes until there is space";

Verdict verdict(Verdict::Form form, std::string text) {
  return {.form = form, .text = std::move(text)};
}

}  // namespace

Response empty_response(unsigned status) {
  return {.status = status, .headers = {}, .body = {}};
}

Response text_response(unsigned status, std::string_view text) {
  Response response = empty_response(status);
  response.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.body = std::string(text) + "\n";
  return response;
}

Response json_response(std::string body) {
  Response response = empty_response(200);
  response.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  response.body = std::move(body);
  return response;
}

Response not_implemented(std::string_view what) {
  return text_response(501, "not implemented: " + std::string(what));
}

// A client may repeat what got a `refusal` or went `elsewhere`; of the rest it must not think that
// it failed (invariant: told "failed" means "never happens").
Verdict verdict_on_write(const Error& error) {
  switch (error.code) {
    case Errc::not_leader:
    case Errc::no_leader:
      return verdict(Verdict::Form::elsewhere, std::string(kLeaderNotFound));
    case Errc::refused:
      return verdict(Verdict::Form::later, error.text);
    case Errc::busy:
    case Errc::out_of_service:
      return verdict(Verdict::Form::refusal, error.text);
    case Errc::no_space:
      return verdict(Verdict::Form::refusal, std::string(kDiskFull));
    case Errc::unknown:
      return verdict(Verdict::Form::envelope, std::string(kLeadershipLost));
    case Errc::invalid:
      return verdict(Verdict::Form::envelope, error.text);
    default:
      return verdict(Verdict::Form::envelope, error.text + std::string(kMayTakeEffect));
  }
}

Verdict verdict_on_read(const Error& error) {
  switch (error.code) {
    case Errc::not_leader:
    case Errc::no_leader:
      return verdict(Verdict::Form::elsewhere, std::string(kLeaderNotFound));
    case Errc::refused:
      return verdict(Verdict::Form::later, error.text);
    case Errc::busy:
    case Errc::out_of_service:
      return verdict(Verdict::Form::refusal, error.text);
    case Errc::no_space:
      return verdict(Verdict::Form::refusal, std::string(kDiskFull));
    case Errc::unknown:
      return verdict(Verdict::Form::envelope, std::string(kLeadershipLost));
    case Errc::stale:
      return verdict(Verdict::Form::envelope, "stale read");
    default:
      return verdict(Verdict::Form::envelope, error.text);
  }
}

void add_served_by(const Context& context, const Exchange& exchange, Response& response) {
  response.headers.emplace_back("X-Rqlite-Served-By", exchange.forwarded
                                                          ? context.node.status().raft_addr
                                                          : context.options.http_adv_addr);
}

Response results_response(const Context& context, const Exchange& exchange,
                          const node::Answer* answer, std::string error) {
  const Envelope envelope{.result = answer != nullptr ? &answer->result : nullptr,
                          .error = std::move(error),
                          .time = context.clock.now() - exchange.started,
                          .raft_index = answer != nullptr ? answer->raft_index : LogIndex{}};
  auto body = render(envelope, exchange.params.render);
  if (!body) return text_response(500, body.error().text);
  Response response = json_response(std::move(*body));
  add_served_by(context, exchange, response);
  return response;
}

}  // namespace lockstep::api
