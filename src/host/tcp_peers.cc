#include "host/tcp_peers.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "host/address.h"
#include "host/link.h"
#include "host/loop.h"

namespace lockstep::host {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// What one gathering write takes from the queue.
constexpr std::size_t kGatherFrames = 64;
constexpr std::size_t kGatherBytes = 1u << 20;

struct OutFrame {
  std::array<char, kLinkHeaderBytes> header;
  std::string bytes;
  TimePoint queued;
  [[nodiscard]] std::size_t size() const { return header.size() + bytes.size(); }
};

void set_option(tcp::socket& socket, int level, int name, int value) {
  // A kernel that lacks one of them still carries the link, only less watchfully.
  (void)::setsockopt(socket.native_handle(), level, name, &value, sizeof value);
}

void watch_closely(tcp::socket& socket, Duration silence_max) {
  const auto ms = std::chrono::duration_cast<milliseconds>(silence_max).count();
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(ms));
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace

struct TcpPeers::Shared {
  Loop& loop;
  LogSink& log;
  PeersOptions options;
  Rng jitter;
  std::uint64_t dropped = 0;
};

// One address. States: idle (nothing to do), connecting, connected, waiting (between two attempts).
// Handlers of an attempt that was given up carry its old `attempt_` number and do nothing.
class TcpPeers::Link : public std::enable_shared_from_this<Link> {
 public:
  Link(std::shared_ptr<Shared> shared, std::string address)
      : shared_(std::move(shared)),
        address_(std::move(address)),
        socket_(shared_->loop.io()),
        resolver_(shared_->loop.io()),
        timer_(shared_->loop.io()) {}

  void send(std::string frame) {
    const auto& limits = shared_->options;
    const std::size_t size = frame.size() + kLinkHeaderBytes;
    const bool fits = queued_bytes_ + size <= limits.queue_bytes_max || queue_.empty();
    if (!fits || frame.size() > kFrameBytesMax) {
      ++shared_->dropped;
      return;
    }
    last_used_ = shared_->loop.now();
    queued_bytes_ += size;
    const auto header = link_header(frame);
    queue_.push_back({.header = header, .bytes = std::move(frame), .queued = last_used_});
    if (state_ == State::idle) connect();
    if (state_ == State::connected) write();
  }

  // Not connected and nothing queued: forgetting it loses nothing.
  [[nodiscard]] bool forgettable() const {
    return queue_.empty() && writing_.empty() && state_ != State::connecting;
  }
  [[nodiscard]] TimePoint last_used() const { return last_used_; }

  void close() {
    state_ = State::closed;
    ++attempt_;
    error_code ignored;
    timer_.cancel();
    resolver_.cancel();
    socket_.close(ignored);
    shared_->dropped += queue_.size();
    queue_.clear();
    queued_bytes_ = 0;
  }

 private:
  enum class State { idle, connecting, connected, waiting, closed };

  void connect() {
    state_ = State::connecting;
    const std::uint64_t attempt = ++attempt_;
    timer_.expires_after(shared_->options.connect_timeout);
    timer_.async_wait([self = shared_from_this(), attempt](error_code error) {
      if (!error && attempt == self->attempt_) self->broken_in_handler("connecting timed out");
    });
    // Where it was last reached, then again by name: a resolver that hangs must not keep apart
    // nodes that know each other's place.
    if (known_place_ && failures_ % 2 == 0) return try_places({*known_place_}, attempt);
    const auto parsed = parse_host_port(address_);
    if (!parsed) return broken(parsed.error().text);
    error_code not_numeric;
    const auto literal = asio::ip::make_address(parsed->host, not_numeric);
    if (!not_numeric) return try_places({tcp::endpoint(literal, parsed->port)}, attempt);
    resolver_.async_resolve(
        parsed->host, std::to_string(parsed->port), tcp::resolver::numeric_service,
        [self = shared_from_this(), attempt](error_code error, tcp::resolver::results_type found) {
          if (attempt != self->attempt_) return;
          if (error) return self->broken_in_handler("cannot resolve: " + error.message());
          std::vector<tcp::endpoint> places;
          // Servers bind names in their IPv4 meaning (listen_on), so that is tried first.
          for (const bool v4 : {true, false})
            for (const auto& each : found)
              if (each.endpoint().address().is_v4() == v4) places.push_back(each.endpoint());
          self->try_places(std::move(places), attempt);
        });
  }

  void try_places(std::vector<tcp::endpoint> places, std::uint64_t attempt) {
    places_ = std::move(places);
    asio::async_connect(socket_, places_,
                        [self = shared_from_this(), attempt](error_code error, tcp::endpoint at) {
                          if (attempt != self->attempt_) return;
                          if (error) return self->broken_in_handler(error.message());
                          self->connected(at);
                        });
  }

  void connected(const tcp::endpoint& at) {
    const std::uint64_t attempt = ++attempt_;
    timer_.cancel();
    state_ = State::connected;
    if (failures_ > 0)
      shared_->log.write(LogLevel::info, "peers", "connected to " + address_ + " again");
    failures_ = 0;
    known_place_ = at;
    watch_closely(socket_, shared_->options.silence_max);
    preamble_pending_ = true;
    shared_->loop.begin_turn();
    drop_stale();
    // The other side never writes: anything read here is the end of the link, or no Lockstep node.
    socket_.async_read_some(asio::buffer(&unexpected_, 1), [self = shared_from_this(), attempt](
                                                               error_code error, std::size_t) {
      if (attempt != self->attempt_) return;
      self->broken_in_handler(error ? error.message() : "it does not speak our link protocol");
    });
    write();
  }

  void write() {
    if (!writing_.empty() || state_ != State::connected) return;
    buffers_.clear();
    if (std::exchange(preamble_pending_, false)) buffers_.push_back(asio::buffer(preamble_));
    std::size_t bytes = 0;
    while (!queue_.empty() && writing_.size() < kGatherFrames && bytes < kGatherBytes) {
      bytes += queue_.front().size();
      writing_.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    for (const OutFrame& each : writing_) {
      buffers_.push_back(asio::buffer(each.header));
      buffers_.push_back(asio::buffer(each.bytes));
    }
    if (buffers_.empty()) return;
    if (writing_.empty()) writing_.emplace_back();  // the preamble alone is a write under way too
    asio::async_write(
        socket_, std::span<const asio::const_buffer>(buffers_),
        [self = shared_from_this(), attempt = attempt_, bytes](error_code error, std::size_t) {
          self->writing_.clear();
          self->queued_bytes_ -= std::min<std::uint64_t>(bytes, self->queued_bytes_);
          if (attempt != self->attempt_) return self->write();
          if (error) return self->broken_in_handler(error.message());
          self->write();
        });
  }

  void broken_in_handler(const std::string& why) {
    shared_->loop.begin_turn();
    broken(why);
  }

  void broken(const std::string& why) {
    ++attempt_;
    const bool was_connected = state_ == State::connected;
    error_code ignored;
    socket_.close(ignored);
    resolver_.cancel();
    ++failures_;
    if (failures_ == 1)
      shared_->log.write(LogLevel::warning, "peers",
                         (was_connected ? "lost " : "cannot reach ") + address_ + ": " + why);
    drop_stale();
    state_ = State::waiting;
    timer_.expires_after(backoff());
    timer_.async_wait([self = shared_from_this(), attempt = attempt_](error_code error) {
      if (error || attempt != self->attempt_) return;
      self->shared_->loop.begin_turn();
      self->drop_stale();
      self->state_ = State::idle;
      if (!self->queue_.empty()) self->connect();
    });
  }

  // Doubles per failure; the upper half is drawn, so that nodes do not knock in step.
  Duration backoff() {
    Duration delay = shared_->options.backoff_min;
    for (unsigned i = 1; i < failures_ && delay < shared_->options.backoff_max; ++i) delay *= 2;
    delay = std::min(delay, shared_->options.backoff_max);
    const auto half = static_cast<std::uint64_t>(delay.count()) / 2;
    return Duration(static_cast<Duration::rep>(half + shared_->jitter.below(half + 1)));
  }

  void drop_stale() {
    const TimePoint oldest = shared_->loop.now() - shared_->options.stale_after;
    while (!queue_.empty() && queue_.front().queued < oldest) {
      queued_bytes_ -= queue_.front().size();
      queue_.pop_front();
      ++shared_->dropped;
    }
  }

  std::shared_ptr<Shared> shared_;
  std::string address_;
  tcp::socket socket_;
  tcp::resolver resolver_;
  asio::steady_timer timer_;  // the connection attempt's end, or the back-off's
  State state_ = State::idle;
  std::uint64_t attempt_ = 0;
  unsigned failures_ = 0;
  std::optional<tcp::endpoint> known_place_;
  std::vector<tcp::endpoint> places_;
  std::deque<OutFrame> queue_;
  std::uint64_t queued_bytes_ = 0;  // queue_ and writing_
  std::vector<OutFrame> writing_;
  std::vector<asio::const_buffer> buffers_;
  std::array<char, kLinkPreambleBytes> preamble_ = link_preamble();
  bool preamble_pending_ = false;
  char unexpected_ = 0;
  TimePoint last_used_{};
};

TcpPeers::TcpPeers(Loop& loop, LogSink& log, PeersOptions options)
    : shared_(std::make_shared<Shared>(loop, log, options, Rng(options.seed))) {}

TcpPeers::~TcpPeers() {
  stop();
}

void TcpPeers::send(const std::string& address, std::string frame) {
  if (!shared_) return;
  auto found = links_.find(address);
  if (found == links_.end()) {
    if (links_.size() >= shared_->options.addresses_max && !make_room()) {
      ++shared_->dropped;
      return;
    }
    found = links_.emplace(address, std::make_shared<Link>(shared_, address)).first;
  }
  found->second->send(std::move(frame));
}

bool TcpPeers::make_room() {
  auto oldest = links_.end();
  for (auto it = links_.begin(); it != links_.end(); ++it) {
    if (!it->second->forgettable()) continue;
    if (oldest == links_.end() || it->second->last_used() < oldest->second->last_used())
      oldest = it;
  }
  if (oldest == links_.end()) return false;
  oldest->second->close();
  links_.erase(oldest);
  return true;
}

void TcpPeers::stop() {
  for (auto& [address, link] : links_) link->close();
  links_.clear();
  shared_.reset();
}

std::uint64_t TcpPeers::dropped() const {
  return shared_ ? shared_->dropped : 0;
}

}  // namespace lockstep::host
