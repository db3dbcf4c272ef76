#include "host/http_probe.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <memory>
#include <utility>
#include <vector>

#include "host/loop.h"

namespace lockstep::host {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kAnswerBytesMax = 1u << 20;

class Probe : public std::enable_shared_from_this<Probe> {
 public:
  Probe(Loop& loop, std::function<void(ProbeResult)> done)
      : socket_(loop.io()), resolver_(loop.io()), timer_(loop.io()), done_(std::move(done)) {}

  void start(const HostPort& address, std::string_view path, Duration timeout) {
    // HTTP/1.0: the answer ends with the connection, never in chunks.
    request_ = "GET " + std::string(path) + " HTTP/1.0\r\nHost: " + to_string(address) + "\r\n\r\n";
    timer_.expires_after(timeout);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->finish({.why = "no answer in time"});
    });
    resolver_.async_resolve(
        address.host, std::to_string(address.port), tcp::resolver::numeric_service,
        [self = shared_from_this()](error_code error, tcp::resolver::results_type found) {
          if (error) return self->finish({.why = error.message()});
          // IPv4 first, as servers bind names (listen_on).
          for (const bool v4 : {true, false})
            for (const auto& each : found)
              if (each.endpoint().address().is_v4() == v4) self->places_.push_back(each.endpoint());
          self->connect();
        });
  }

 private:
  void connect() {
    if (!done_) return;
    asio::async_connect(socket_, places_,
                        [self = shared_from_this()](error_code error, const tcp::endpoint&) {
                          if (error) return self->finish({.why = error.message()});
                          self->ask();
                        });
  }

  void ask() {
    if (!done_) return;
    asio::async_write(socket_, asio::buffer(request_),
                      [self = shared_from_this()](error_code, std::size_t) { self->read(); });
  }

  // Reads to the end. A connection that is cut without a word is an answer too: "not HTTP".
  void read() {
    if (!done_) return;
    socket_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this()](error_code error, std::size_t size) {
                              self->answer_.append(self->chunk_.data(), size);
                              if (error || self->answer_.size() > kAnswerBytesMax)
                                return self->finish(parse_http_answer(self->answer_));
                              self->read();
                            });
  }

  void finish(ProbeResult result) {
    auto done = std::exchange(done_, nullptr);
    if (!done) return;
    error_code ignored;
    timer_.cancel();
    resolver_.cancel();
    socket_.close(ignored);
    done(std::move(result));
  }

  tcp::socket socket_;
  tcp::resolver resolver_;
  asio::steady_timer timer_;
  std::function<void(ProbeResult)> done_;
  std::string request_;
  std::vector<tcp::endpoint> places_;
  std::array<char, 8192> chunk_{};
  std::string answer_;
};

}  // namespace

void http_probe(Loop& loop, const HostPort& address, std::string path, Duration timeout,
                std::function<void(ProbeResult)> done) {
  std::make_shared<Probe>(loop, std::move(done))->start(address, path, timeout);
}

ProbeResult parse_http_answer(std::string_view bytes) {
  const ProbeResult not_http{.kind = ProbeResult::Kind::not_http, .why = "it does not speak HTTP"};
  if (!bytes.starts_with("HTTP/1.") || bytes.size() < 12) return not_http;
  unsigned status = 0;
  const auto [end, error] = std::from_chars(bytes.data() + 9, bytes.data() + 12, status);
  if (error != std::errc() || end != bytes.data() + 12) return not_http;
  const std::size_t body = bytes.find("\r\n\r\n");
  if (body == std::string_view::npos) return not_http;
  return {.kind = ProbeResult::Kind::http,
          .status = status,
          .body = std::string(bytes.substr(body + 4)),
          .why = "HTTP status " + std::to_string(status)};
}

}  // namespace lockstep::host
