// HttpServer: HTTP/1.1 on one port, on the strand thread alone. Each request is parsed in place
// into an api::Request and handed to the handler as a turn; the answer goes out when its Responder
// is called.
//
// Keep-alive and pipelining: one request of a connection is in work at a time, so answers come in
// order. Malformed requests get 400 and the connection ends; oversized bodies 413, oversized
// headers 431. A slow client is limited in what it may hold (below), a slow handler is not. A
// client that goes away costs nothing but the work it had asked for.
#pragma once

#include <functional>
#include <memory>

#include "api/handler.h"
#include "base/log.h"
#include "base/time.h"
#include "host/address.h"

namespace lockstep::host {

class Loop;

struct HttpOptions {
  std::uint64_t body_bytes_max = 256u << 20;
  // All bodies that are held at one time; beyond: 503 "server busy".
  std::uint64_t bodies_bytes_max = 1u << 30;
  std::uint32_t header_bytes_max = 1u << 20;
  std::size_t connections_max = 8192;     // beyond: they wait in the kernel's queue
  Duration header_timeout = seconds(30);  // from a request's first byte to the end of its header
  Duration body_timeout = seconds(60);    // without a single byte of the body
  Duration write_timeout = seconds(60);   // for an answer the client does not read
};

class HttpServer {
 public:
  using Handle = std::function<void(api::Request, api::Responder)>;

  // Takes over the socket. `loop` and `log` outlive this object. `handle` is called as a turn.
  HttpServer(Loop& loop, LogSink& log, Listening socket, HttpOptions options, Handle handle);
  ~HttpServer();  // close_all()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // From the next request on.
  void set_handler(Handle handle);

  // Accepts nothing more, closes idle connections; requests in work are finished. `drained` is
  // called once none is left (never inside this call).
  void drain(std::function<void()> drained);
  // Closes everything at once; later answers go nowhere.
  void close_all();

  [[nodiscard]] std::size_t connections() const;
  [[nodiscard]] std::uint64_t requests() const;  // handed to the handler so far

 private:
  class Session;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lockstep::host
