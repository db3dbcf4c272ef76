#include "host/http_server.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <map>
#include <utility>

#include "host/http_message.h"
#include "host/http_parser.h"
#include "host/loop.h"
#include "host/read_buffer.h"

namespace lockstep::host {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// With the executor's own type: the usual one is erased, which costs every operation something.
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;

constexpr std::size_t kReadBytesMin = 4u << 10;
constexpr std::size_t kReadBytesMax = 256u << 10;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
// How often deadlines of clients are looked at: coarse, so that a request costs no timer.
constexpr Duration kSweepInterval = milliseconds(500);
constexpr Duration kAcceptPause = milliseconds(50);
// After an early refusal the client may still be sending; closing at once would reset the
// connection before it has read the answer. So: read and discard for a while.
constexpr Duration kLingerTimeout = seconds(2);

}  // namespace

struct HttpServer::State : std::enable_shared_from_this<State> {
  State(Loop& the_loop, LogSink& the_log, HttpOptions the_options, Handle the_handler)
      : loop(the_loop),
        log(the_log),
        options(the_options),
        handle(std::move(the_handler)),
        acceptor(loop.io()),
        accept_pause(loop.io()),
        sweep_timer(loop.io()) {}

  void accept();
  void sweep();
  void close_all();
  void request_done();

  Loop& loop;
  LogSink& log;
  HttpOptions options;
  Handle handle;
  Acceptor acceptor;
  asio::steady_timer accept_pause;
  asio::steady_timer sweep_timer;
  std::map<std::uint64_t, std::weak_ptr<Session>> sessions;  // a session removes itself
  std::uint64_t next_session = 1;
  std::uint64_t requests = 0;
  std::uint64_t in_work = 0;
  std::uint64_t bodies_bytes = 0;
  bool accepting = false;
  bool stopping = false;
  bool complained = false;  // of lacking descriptors: once is enough
  std::function<void()> drained;
  DateLine date;
};

// One connection. Exactly one of these holds at a time: reading, in work (no operation under way;
// the Responder keeps the session alive), writing, lingering.
class HttpServer::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<State> server, Socket socket, std::uint64_t id)
      : server_(std::move(server)),
        socket_(std::move(socket)),
        id_(id),
        parser_({.header_bytes_max = server_->options.header_bytes_max,
                 .body_bytes_max = server_->options.body_bytes_max}) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  }
  ~Session() {
    release_body();
    leave_work();
    server_->sessions.erase(id_);
    if (!server_->accepting && !server_->stopping) server_->accept();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start() { read(); }

  void close() {
    error_code ignored;
    phase_ = Phase::closed;
    socket_.close(ignored);
  }
  void close_if_idle() {
    if (phase_ == Phase::reading) close();
  }
  void close_if_late(TimePoint now) {
    if (now >= deadline_) close();
  }

 private:
  enum class Phase { reading, in_work, writing, lingering, closed };

  void begin_request() {
    phase_ = Phase::reading;
    deadline_ = kNever;  // An idle connection may stay as long as it likes.
    parser_.reset();
    started_ = false;
    continued_ = false;
  }

  void set_deadline(Duration from_now) {
    server_->loop.begin_turn();
    deadline_ = server_->loop.now() + from_now;
  }

  void read() {
    const std::size_t want =
        std::clamp(parser_.request().body.size() / 4, kReadBytesMin, kReadBytesMax);
    socket_.async_read_some(asio::buffer(buffer_.prepare(want), want),
                            [self = shared_from_this()](error_code error, std::size_t size) {
                              if (error || self->phase_ != Phase::reading) return self->close();
                              self->buffer_.commit(size);
                              self->parse();
                            });
  }

  void parse() {
    // Some clients end a body with an extra line break; RFC 9112 2.2 asks to ignore it.
    if (!started_) buffer_.skip("\r\n");
    if (buffer_.empty()) return read();
    if (!std::exchange(started_, true)) set_deadline(server_->options.header_timeout);
    const bool had_header = parser_.state() == HttpParser::State::body;
    buffer_.consume(parser_.put(buffer_.view()));
    const auto state = parser_.state();
    if (state == HttpParser::State::refused)
      return refuse(parser_.refusal_status(), parser_.refusal_text());
    if (!account_body()) return;
    if (state == HttpParser::State::done) return dispatch();
    if (state == HttpParser::State::body) {
      set_deadline(server_->options.body_timeout);
      if (!had_header && parser_.expects_something_else())
        return refuse(417, "unsupported expectation");
      if (parser_.expects_continue() && !continued_ && parser_.request().body.empty())
        return send_continue();
    }
    read();
  }

  bool account_body() {
    const std::uint64_t size = parser_.request().body.size();
    server_->bodies_bytes += size - body_bytes_;
    body_bytes_ = size;
    // A body that came whole is served; what is refused is the holding of many unfinished ones.
    if (parser_.state() == HttpParser::State::done ||
        server_->bodies_bytes <= server_->options.bodies_bytes_max)
      return true;
    refuse(503, "server busy");
    return false;
  }
  void release_body() { server_->bodies_bytes -= std::exchange(body_bytes_, 0); }

  void send_continue() {
    continued_ = true;
    asio::async_write(socket_, asio::buffer(kContinue.data(), kContinue.size()),
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (error || self->phase_ != Phase::reading) return self->close();
                        self->read();
                      });
  }

  void dispatch() {
    phase_ = Phase::in_work;
    deadline_ = kNever;
    keep_alive_ = parser_.keep_alive();
    http_1_0_ = parser_.http_1_0();
    is_head_ = parser_.request().method == "HEAD";
    ++server_->requests;
    ++server_->in_work;
    counted_ = true;
    api::Responder responder(
        [self = shared_from_this()](api::Response response) { self->answer(std::move(response)); });
    server_->loop.begin_turn();
    // The body is handed on; its bytes stay counted until the answer is out.
    server_->handle(std::move(parser_.request()), std::move(responder));
  }

  void refuse(unsigned status, const std::string& text) {
    keep_alive_ = false;
    http_1_0_ = false;
    is_head_ = false;
    linger_ = true;
    parser_.request().body = {};
    release_body();
    answer(text_response(status, text));
  }

  void answer(api::Response response) {
    if (phase_ == Phase::closed) return;
    phase_ = Phase::writing;
    keep_alive_ = keep_alive_ && !server_->stopping;
    out_.set(std::move(response),
             {.keep_alive = keep_alive_, .http_1_0 = http_1_0_, .date = server_->date.now()},
             is_head_);
    write();
  }

  // At once, without a round of the loop, if the socket has room; it nearly always has.
  void write() {
    std::array<asio::const_buffer, 2> out{asio::buffer(out_.head), asio::buffer(out_.body)};
    error_code error;
    std::size_t sent = out_.body.empty() ? socket_.write_some(asio::const_buffers_1(out[0]), error)
                                         : socket_.write_some(out, error);
    if (error == asio::error::would_block) error = {};
    if (error || sent == asio::buffer_size(out)) return written(error);
    for (asio::const_buffer& each : out) {
      const std::size_t skipped = std::min(sent, each.size());
      each += skipped;
      sent -= skipped;
    }
    set_deadline(server_->options.write_timeout);
    asio::async_write(socket_, out, [self = shared_from_this()](error_code failure, std::size_t) {
      self->written(failure);
    });
  }

  void written(const error_code& error) {
    out_.body = {};
    release_body();
    leave_work();
    if (error || phase_ != Phase::writing) return close();
    if (!keep_alive_) return linger();
    if (server_->stopping) return close();
    begin_request();
    // Not from here: a client that sends many requests at once would make us recurse for each, and
    // to others an answer takes a moment, before which there is nothing to read.
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
      if (self->phase_ == Phase::reading) self->parse();
    });
  }

  void leave_work() {
    if (std::exchange(counted_, false)) server_->request_done();
  }

  void linger() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    if (ignored || !linger_) return close();
    phase_ = Phase::lingering;
    set_deadline(kLingerTimeout);
    discard();
  }
  void discard() {
    buffer_.consume(buffer_.view().size());
    socket_.async_read_some(asio::buffer(buffer_.prepare(kReadBytesMax), kReadBytesMax),
                            [self = shared_from_this()](error_code error, std::size_t) {
                              if (error || self->phase_ != Phase::lingering) return self->close();
                              self->discard();
                            });
  }

  std::shared_ptr<State> server_;
  Socket socket_;
  std::uint64_t id_;
  ReadBuffer buffer_;
  HttpParser parser_;
  Phase phase_ = Phase::reading;
  TimePoint deadline_ = kNever;
  bool started_ = false;    // a byte of the request came
  bool continued_ = false;  // "100 Continue" was sent
  bool keep_alive_ = true;
  bool http_1_0_ = false;
  bool is_head_ = false;
  bool linger_ = false;
  bool counted_ = false;          // in State::in_work
  std::uint64_t body_bytes_ = 0;  // in State::bodies_bytes
  ResponseBytes out_;
};

void HttpServer::State::accept() {
  if (stopping || sessions.size() >= options.connections_max) {
    accepting = false;  // The next session that ends starts it again.
    return;
  }
  accepting = true;
  acceptor.async_accept([self = shared_from_this()](error_code error, Socket socket) {
    if (self->stopping) return;
    if (error == asio::error::no_descriptors || error == asio::error::no_memory ||
        error == asio::error::no_buffer_space) {
      if (!std::exchange(self->complained, true))
        self->log.write(LogLevel::warning, "http", "cannot accept: " + error.message());
      self->accept_pause.expires_after(kAcceptPause);
      self->accept_pause.async_wait([self](error_code cancelled) {
        if (!cancelled) self->accept();
      });
      return;
    }
    if (!error) {
      const std::uint64_t id = self->next_session++;
      const auto session = std::make_shared<Session>(self, std::move(socket), id);
      self->sessions.emplace(id, session);
      session->start();
    }
    self->accept();
  });
}

void HttpServer::State::sweep() {
  sweep_timer.expires_after(kSweepInterval);
  sweep_timer.async_wait([self = shared_from_this()](error_code cancelled) {
    if (cancelled) return;
    self->loop.begin_turn();
    for (const auto& [id, weak] : std::map(self->sessions)) {
      if (const auto session = weak.lock()) session->close_if_late(self->loop.now());
    }
    self->sweep();
  });
}

void HttpServer::State::close_all() {
  stopping = true;
  drained = nullptr;
  error_code ignored;
  acceptor.close(ignored);
  accept_pause.cancel();
  sweep_timer.cancel();
  for (const auto& [id, weak] : std::map(sessions)) {
    if (const auto session = weak.lock()) session->close();
  }
}

void HttpServer::State::request_done() {
  --in_work;
  if (in_work > 0 || !drained) return;
  asio::post(loop.io(), std::exchange(drained, nullptr));
}

HttpServer::HttpServer(Loop& loop, LogSink& log, Listening socket, HttpOptions options,
                       Handle handle)
    : state_(std::make_shared<State>(loop, log, options, std::move(handle))) {
  state_->acceptor.assign(socket.v6 ? tcp::v6() : tcp::v4(), socket.fd);
  state_->accept();
  state_->sweep();
}

HttpServer::~HttpServer() {
  close_all();
}

void HttpServer::set_handler(Handle handle) {
  state_->handle = std::move(handle);
}

void HttpServer::drain(std::function<void()> drained) {
  state_->stopping = true;
  error_code ignored;
  state_->acceptor.close(ignored);
  state_->drained = std::move(drained);
  for (const auto& [id, weak] : std::map(state_->sessions)) {
    if (const auto session = weak.lock()) session->close_if_idle();
  }
  ++state_->in_work;
  state_->request_done();
}

void HttpServer::close_all() {
  state_->close_all();
}

std::size_t HttpServer::connections() const {
  return state_->sessions.size();
}

std::uint64_t HttpServer::requests() const {
  return state_->requests;
}

}  // namespace lockstep::host
