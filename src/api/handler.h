// api::Handler: rqlite's HTTP/JSON API without a transport. Beast sessions and simulated clients
// build the same Request; lost replies and retries of HTTP itself are therefore simulated too.
//
// A Request needs no thread of its own: handle() is a turn. Contract: ../docs/api.md (rqlite's API
// to the byte).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node/node.h"

namespace lockstep::api {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // "GET", "POST", ...
  std::string target;  // path and query, as on the request line
  Headers headers;     // names in lower case
  std::string body;
};

struct Response {
  unsigned status = 200;
  Headers headers;  // in sending order, without Content-Length and Connection
  std::string body;
  std::shared_ptr<const Headers> common = {};  // what every response carries; sent first
};

// Answers one request, exactly once: destroying it unanswered answers 503, so that no client waits
// for ever. Moved, never copied. Turns only.
class Responder {
 public:
  using Sink = std::move_only_function<void(Response)>;
  explicit Responder(Sink sink) : sink_(std::move(sink)) {}
  Responder(Responder&& other) noexcept : sink_(std::exchange(other.sink_, nullptr)) {}
  Responder& operator=(Responder&&) = delete;
  ~Responder();
  // Precondition: not answered yet.
  void answer(Response response);

 private:
  Sink sink_;
};

struct HandlerOptions {
  std::string version;            // X-Rqlite-Version
  std::string http_adv_addr;      // "host:port", for X-Rqlite-Served-By
  std::string http_allow_origin;  // "" = none
  // Extra members of GET /status that only the host knows ("os", "runtime", ...): complete JSON
  // objects by name.
  std::function<std::vector<std::pair<std::string, std::string>>()> host_status;
  // Extra members of its object "store": what the node was configured with, as JSON by name.
  std::vector<std::pair<std::string, std::string>> store_status = {};
  // For short waits (the next try after a change of leader); outlives the handler.
  // Without it nothing waits: the next try is made at once.
  env::Turns* turns = nullptr;
};

class Handler {
 public:
  // `node`, `env` outlive the handler.
  Handler(node::Node& node, const env::Clock& clock, HandlerOptions options);
  ~Handler();
  void handle(Request request, Responder responder);
  // For Node::start(): serves what another node forwarded; never forwards it again.
  void serve_forwarded(wire::Forward request,
                       std::move_only_function<void(wire::ForwardReply)> done);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::api
