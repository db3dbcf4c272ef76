#include "bench/connection.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace lockstep::bench {
namespace {

std::unexpected<Error> system_failure(const std::string& what) {
  return fail(Errc::io, what + ": " + std::strerror(errno));
}

// Value of a header in a lower-cased head, or empty.
std::string_view header(std::string_view head, std::string_view name) {
  const std::size_t at = head.find(name);
  if (at == std::string_view::npos) return {};
  auto value = head.substr(at + name.size());
  value = value.substr(0, value.find("\r\n"));
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  return value;
}

}  // namespace

Result<Connection> Connection::open(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string name = address.host + ":" + address.port;
  if (getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found) != 0)
    return fail(Errc::io, "cannot resolve " + name);
  int descriptor = -1;
  for (const addrinfo* one = found; one && descriptor < 0; one = one->ai_next) {
    descriptor = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
    if (descriptor >= 0 && ::connect(descriptor, one->ai_addr, one->ai_addrlen) != 0) {
      ::close(descriptor);
      descriptor = -1;
    }
  }
  freeaddrinfo(found);
  if (descriptor < 0) return system_failure("cannot connect to " + name);
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  return Connection(descriptor);
}

Connection::Connection(Connection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      unsent_(std::move(other.unsent_)),
      in_(std::move(other.in_)),
      head_bytes_(other.head_bytes_),
      body_bytes_(other.body_bytes_) {}

Connection::~Connection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status Connection::send(std::string_view request) {
  in_.clear();
  head_bytes_ = body_bytes_ = 0;
  unsent_.assign(request);
  return on_writable();
}

Status Connection::on_writable() {
  while (!unsent_.empty()) {
    const ssize_t sent = ::send(descriptor_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EINTR) return {};
      return system_failure("send");
    }
    unsent_.erase(0, static_cast<std::size_t>(sent));
  }
  return {};
}

Result<bool> Connection::on_readable() {
  char buffer[16384];
  while (true) {
    const ssize_t got = ::recv(descriptor_, buffer, sizeof buffer, 0);
    if (got == 0) return fail(Errc::io, "the server closed the connection");
    if (got < 0) {
      if (errno == EAGAIN || errno == EINTR) return false;
      return system_failure("receive");
    }
    in_.append(buffer, static_cast<std::size_t>(got));
    if (complete()) return true;
  }
}

bool Connection::complete() {
  if (head_bytes_ == 0) {
    const std::size_t end = in_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    head_bytes_ = end + 4;
    std::string head = in_.substr(0, end + 2);
    for (char& c : head)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const auto length = header(head, "\r\ncontent-length:");
    std::from_chars(length.data(), length.data() + length.size(), body_bytes_);
  }
  return in_.size() >= head_bytes_ + body_bytes_;
}

Reply Connection::reply() const {
  Reply reply;
  // "HTTP/1.1 200 OK"
  const auto space = in_.find(' ');
  if (space != std::string::npos && in_.size() >= space + 4)
    std::from_chars(in_.data() + space + 1, in_.data() + space + 4, reply.status);
  reply.body = std::string_view(in_).substr(head_bytes_, body_bytes_);
  return reply;
}

Result<Reply> Connection::exchange(std::string_view request) {
  TRY(send(request));
  while (true) {
    pollfd entry{descriptor_, static_cast<short>(POLLIN | (wants_write() ? POLLOUT : 0)), 0};
    if (::poll(&entry, 1, 30'000) == 0) return fail(Errc::timeout, "no answer within 30 s");
    TRY(on_writable());
    TRY_ASSIGN(const bool done, on_readable());
    if (done) return reply();
  }
}

}  // namespace lockstep::bench
