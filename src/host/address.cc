#include "host/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace lockstep::host {

namespace {

constexpr int kBacklog = 1024;

Error listen_error(const HostPort& address, int error) {
  const Errc code = error == EADDRINUSE ? Errc::busy : Errc::io;
  std::string text = std::strerror(error);
  if (error == EADDRINUSE) text = "address already in use";
  return {code, "cannot listen on " + to_string(address) + ": " + text};
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
  if (storage.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

Result<Listening> listen_at(const HostPort& address, int family, const sockaddr* where,
                            socklen_t size) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return std::unexpected(listen_error(address, errno));
  const int on = 1;
  const int off = 0;
  // A restarted node must get its port back while old connections linger in TIME_WAIT.
  (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) (void)::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd, where, size) != 0 || ::listen(fd, kBacklog) != 0) {
    const int error = errno;
    ::close(fd);
    return std::unexpected(listen_error(address, error));
  }
  return Listening{.fd = fd, .v6 = family == AF_INET6, .port = bound_port(fd)};
}

Result<Listening> listen_everywhere(const HostPort& address) {
  sockaddr_in6 both{};
  both.sin6_family = AF_INET6;
  both.sin6_addr = in6addr_any;
  both.sin6_port = htons(address.port);
  auto done = listen_at(address, AF_INET6, reinterpret_cast<const sockaddr*>(&both), sizeof both);
  if (done || done.error().code == Errc::busy) return done;
  // Legal: a kernel without IPv6.
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(address.port);
  return listen_at(address, AF_INET, reinterpret_cast<const sockaddr*>(&four), sizeof four);
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(Errc::invalid, "address \"" + std::string(text) + "\": " + std::string(why));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("must be host:port");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad("an IPv6 host must stand in brackets, [host]:port");
  }
  if (host.find_first_of("/[]@ ") != std::string_view::npos) return bad("must be host:port");
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
      port > 65535)
    return bad("the port must be a number from 0 to 65535");
  return HostPort{.host = std::string(host), .port = static_cast<std::uint16_t>(port)};
}

std::string to_string(const HostPort& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

bool is_wildcard(const HostPort& address) {
  return address.host.empty() || address.host == "0.0.0.0" || address.host == "::";
}

Result<Listening> listen_on(const HostPort& address) {
  if (address.host.empty()) return listen_everywhere(address);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  const int failed = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found);
  if (failed != 0)
    return fail(Errc::invalid,
                "cannot listen on " + to_string(address) + ": " + ::gai_strerror(failed));
  const addrinfo* chosen = found;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET) {
      chosen = each;
      break;
    }
  }
  auto done = listen_at(address, chosen->ai_family, chosen->ai_addr, chosen->ai_addrlen);
  ::freeaddrinfo(found);
  return done;
}

}  // namespace lockstep::host
