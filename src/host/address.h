// "host:port" as users write it in flags and as nodes tell it to each other: parsing, printing, and
// the plain socket calls that bind a listener with an error a person understands.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lockstep::host {

struct HostPort {
  std::string host;  // without the brackets of an IPv6 literal; "" means every interface
  std::uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// "host:port", "[v6]:port", ":port". Errc::invalid says what is wrong, naming the text.
Result<HostPort> parse_host_port(std::string_view text);
std::string to_string(const HostPort& address);
// True for "", "0.0.0.0" and "::": good to bind, useless to tell others.
bool is_wildcard(const HostPort& address);

// A bound, listening, non-blocking socket; the caller owns `fd`.
struct Listening {
  int fd = -1;
  bool v6 = false;
  std::uint16_t port = 0;  // the real one, if port 0 was asked for
};

// Binds and listens (IPv4 first for names, as "localhost" is expected to mean 127.0.0.1; all
// interfaces in both families for ""). Errc::busy: "cannot listen on X: address already in use";
// Errc::invalid: the name does not resolve; Errc::io: the rest.
Result<Listening> listen_on(const HostPort& address);

}  // namespace lockstep::host
