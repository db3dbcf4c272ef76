// HttpParser: bytes of a connection into one api::Request after another. A thin front of Beast's
// push parser, which fills the request directly; the one file that includes Beast is its .cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "api/handler.h"

namespace lockstep::host {

struct HttpLimits {
  std::uint32_t header_bytes_max = 1u << 20;
  std::uint64_t body_bytes_max = 256u << 20;
};

class HttpParser {
 public:
  enum class State { header, body, done, refused };

  explicit HttpParser(HttpLimits limits);
  ~HttpParser();
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;

  // For the next request of the connection.
  void reset();
  // Takes what it can use from the front of `bytes` and returns how much that was; the rest comes
  // again, with more behind it. Precondition: state() is header or body.
  std::size_t put(std::string_view bytes);

  [[nodiscard]] State state() const;
  // Whole once done; grows with the bytes that came, not with the length that was claimed.
  [[nodiscard]] api::Request& request();
  // The rest: once the header is there.
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool http_1_0() const;
  [[nodiscard]] bool expects_continue() const;
  [[nodiscard]] bool expects_something_else() const;
  // Why it was refused: 400, 413 (body too large) or 431 (header too large), and a line about it.
  [[nodiscard]] unsigned refusal_status() const;
  [[nodiscard]] std::string refusal_text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep::host
