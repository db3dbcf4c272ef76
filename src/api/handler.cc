// From a request to its endpoint: headers for every response, parameters, route, method.
#include "api/handler.h"

#include "api/context.h"
#include "api/replies.h"
#include "api/routes.h"
#include "base/check.h"

namespace lockstep::api {
namespace {

Headers common_headers(const HandlerOptions& options) {
  Headers headers;
  headers.emplace_back("X-Rqlite-Version", options.version.empty() ? "unknown" : options.version);
  headers.emplace_back("Access-Control-Allow-Methods", "OPTIONS, GET, POST");
  headers.emplace_back("Access-Control-Allow-Headers", "Content-Type");
  if (!options.http_allow_origin.empty()) {
    headers.emplace_back("Access-Control-Allow-Origin", options.http_allow_origin);
  }
  return headers;
}

// Adds the headers that every response carries, also one that nobody gave.
Responder with_common_headers(std::shared_ptr<const Headers> common, Responder responder) {
  return Responder(
      [common = std::move(common), inner = std::move(responder)](Response response) mutable {
        response.common = std::move(common);
        inner.answer(std::move(response));
      });
}

void serve(Context& context, Request request, Responder responder, bool forwarded) {
  if (request.method == "OPTIONS") return responder.answer(empty_response(200));
  auto target = parse_target(request.target);
  if (!target) return responder.answer(text_response(400, target.error().text));
  auto params = parse_params(target->raw_query);
  if (!params) return responder.answer(text_response(400, params.error().text));
  const Route* route = find_route(target->path);
  if (route == nullptr) return responder.answer(empty_response(404));
  if (!allows(*route, request.method)) {
    Response response = route->json ? json_response({}) : empty_response(405);
    response.status = 405;
    return responder.answer(std::move(response));
  }
  if (route->serve == nullptr) return responder.answer(not_implemented(route->missing));
  auto exchange = std::make_unique<Exchange>(Exchange{.request = std::move(request),
                                                      .target = std::move(*target),
                                                      .params = std::move(*params),
                                                      .responder = std::move(responder),
                                                      .started = context.clock.now(),
                                                      .serve = route->serve,
                                                      .forwarded = forwarded});
  route->serve(context, std::move(exchange));
}

wire::ForwardReply reply_of(std::uint64_t id, Response response) {
  wire::ForwardReply reply;
  reply.id = id;
  reply.not_leader = response.status == kMisdirected;
  reply.status = response.status;
  reply.headers = std::move(response.headers);
  reply.body = std::move(response.body);
  return reply;
}

}  // namespace

bool is_plain_text(const Request& request) {
  for (const auto& [name, value] : request.headers) {
    if (name == "content-type") return value.starts_with("text/plain");
  }
  return false;
}

// "Abandoned" promises nothing: the request may have been on its way already.
Responder::~Responder() {
  if (sink_) sink_(text_response(503, "request abandoned; it may or may not take effect"));
}

void Responder::answer(Response response) {
  CHECK(sink_);
  auto sink = std::exchange(sink_, nullptr);
  sink(std::move(response));
}

struct Handler::State {
  Context context;
};

Handler::Handler(node::Node& node, const env::Clock& clock, HandlerOptions options) {
  auto common = std::make_shared<const Headers>(common_headers(options));
  state_ = std::unique_ptr<State>(new State{Context{.node = node,
                                                    .clock = clock,
                                                    .options = std::move(options),
                                                    .self = node.status().self,
                                                    .started = clock.now(),
                                                    .started_wall = clock.wall(),
                                                    .common_headers = std::move(common),
                                                    .life = {}}});
}

Handler::~Handler() = default;

void Handler::handle(Request request, Responder responder) {
  auto labelled = with_common_headers(state_->context.common_headers, std::move(responder));
  serve(state_->context, std::move(request), std::move(labelled), false);
}

void Handler::serve_forwarded(wire::Forward request,
                              std::move_only_function<void(wire::ForwardReply)> done) {
  // The node that passed it on adds its own common headers.
  Responder responder([id = request.id, done = std::move(done)](Response response) mutable {
    done(reply_of(id, std::move(response)));
  });
  serve(state_->context,
        Request{.method = std::move(request.method),
                .target = std::move(request.target),
                .headers = std::move(request.headers),
                .body = std::move(request.body)},
        std::move(responder), true);
}

}  // namespace lockstep::api
