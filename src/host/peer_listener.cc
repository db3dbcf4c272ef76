#include "host/peer_listener.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "host/link.h"
#include "host/loop.h"

namespace lockstep::host {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kReadBytes = 64u << 10;
// Out of descriptors or memory: accepting again at once would spin.
constexpr Duration kAcceptPause = milliseconds(50);

}  // namespace

struct PeerListener::State : std::enable_shared_from_this<State> {
  State(Loop& the_loop, LogSink& the_log, ListenerOptions the_options, OnFrame callback)
      : loop(the_loop),
        log(the_log),
        options(the_options),
        on_frame(std::move(callback)),
        acceptor(loop.io()),
        pause(loop.io()) {}

  void accept();

  Loop& loop;
  LogSink& log;
  ListenerOptions options;
  OnFrame on_frame;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  bool stopped = false;
  std::uint64_t next_link = 1;
  std::map<std::uint64_t, std::weak_ptr<Link>> links;  // a link removes itself when it dies
};

// One accepted connection; lives as long as one of its handlers is under way.
class PeerListener::Link : public std::enable_shared_from_this<Link> {
 public:
  Link(std::shared_ptr<State> listener, tcp::socket socket, std::uint64_t id)
      : listener_(std::move(listener)),
        id_(id),
        socket_(std::move(socket)),
        greeting_(listener_->loop.io()),
        reader_(listener_->options.frame_bytes_max),
        buffer_(kReadBytes) {
    error_code error;
    socket_.set_option(asio::socket_base::keep_alive(true), error);
    const auto remote = socket_.remote_endpoint(error);
    if (!error) remote_ = to_string({remote.address().to_string(), remote.port()});
  }
  ~Link() { listener_->links.erase(id_); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void start() {
    greeting_.expires_after(listener_->options.greeting_timeout);
    greeting_.async_wait([weak = weak_from_this()](error_code error) {
      const auto self = weak.lock();
      if (!error && self && !self->reader_.greeted()) self->close();
    });
    read();
  }

  void close() {
    error_code ignored;
    greeting_.cancel();
    socket_.close(ignored);
  }

 private:
  void read() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](error_code error, std::size_t size) {
                              if (error || !self->socket_.is_open()) return self->close();
                              self->take({self->buffer_.data(), size});
                            });
  }

  void take(std::string_view bytes) {
    const auto fed = reader_.feed(bytes, [this](std::string_view frame) {
      listener_->loop.begin_turn();
      listener_->on_frame(frame);
      return socket_.is_open();  // false once the callback stopped the listener
    });
    if (!fed) complain(fed.error());
    if (!fed || !socket_.is_open()) return close();
    read();
  }

  void complain(const Error& error) {
    const bool probe = error.code == Errc::invalid;
    listener_->log.write(probe ? LogLevel::debug : LogLevel::warning, "peers",
                         "closed link from " + remote_ + ": " + error.text);
  }

  std::shared_ptr<State> listener_;
  std::uint64_t id_;
  tcp::socket socket_;
  asio::steady_timer greeting_;
  LinkReader reader_;
  std::vector<char> buffer_;
  std::string remote_ = "?";
};

void PeerListener::State::accept() {
  acceptor.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
    if (self->stopped) return;
    if (error == asio::error::no_descriptors || error == asio::error::no_memory ||
        error == asio::error::no_buffer_space) {
      self->pause.expires_after(kAcceptPause);
      self->pause.async_wait([self](error_code stopped_waiting) {
        if (!stopped_waiting && !self->stopped) self->accept();
      });
      return;
    }
    if (!error && self->links.size() < self->options.links_max) {
      const std::uint64_t id = self->next_link++;
      const auto link = std::make_shared<Link>(self, std::move(socket), id);
      self->links.emplace(id, link);
      link->start();
    }
    self->accept();
  });
}

PeerListener::PeerListener(Loop& loop, LogSink& log, Listening socket, ListenerOptions options,
                           OnFrame on_frame)
    : state_(std::make_shared<State>(loop, log, options, std::move(on_frame))) {
  state_->acceptor.assign(socket.v6 ? tcp::v6() : tcp::v4(), socket.fd);
  state_->accept();
}

PeerListener::~PeerListener() {
  stop();
}

void PeerListener::stop() {
  if (std::exchange(state_->stopped, true)) return;
  error_code ignored;
  state_->acceptor.close(ignored);
  state_->pause.cancel();
  // A copy: closing may let a link die, which takes it out of the map.
  for (const auto& [id, weak] : std::map(state_->links)) {
    if (const auto link = weak.lock()) link->close();
  }
}

std::size_t PeerListener::links() const {
  return state_->links.size();
}

}  // namespace lockstep::host
