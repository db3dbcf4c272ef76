// The byte format of a TCP link between two nodes. One direction only: the node that connected
// writes, the other reads; answers travel on the link the other way round.
//
// Format (version 1), little-endian:
//   preamble, once    offset 0, 8 bytes: "LOCKSTEP"; offset 8, u32: version = 1
//   then per frame    offset 0, u32: length of the frame's bytes
//                     offset 4, u32: low half of hash64(bytes)
//                     offset 8, length bytes
// A length above the limit, a wrong checksum or preamble ends the link: nothing after it can be
// trusted.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lockstep::host {

inline constexpr std::uint32_t kLinkVersion = 1;
inline constexpr std::size_t kLinkPreambleBytes = 12;
inline constexpr std::size_t kLinkHeaderBytes = 8;
inline constexpr std::uint64_t kFrameBytesMax = 256u << 20;

std::array<char, kLinkPreambleBytes> link_preamble();
// Precondition: frame.size() < 4 GiB.
std::array<char, kLinkHeaderBytes> link_header(std::string_view frame);

// Cuts a stream of bytes into frames. Memory grows with the bytes that arrived, never with the
// length a peer claims.
class LinkReader {
 public:
  explicit LinkReader(std::uint64_t frame_bytes_max = kFrameBytesMax)
      : frame_bytes_max_(frame_bytes_max) {}

  // Takes the next bytes of the stream and calls `on_frame` for each frame they complete; the view
  // is valid during the call only. `on_frame` returning false ends the call. Errc::corrupt: the
  // stream is broken (final).
  Status feed(std::string_view bytes, const std::function<bool(std::string_view)>& on_frame);

  // The preamble was right.
  [[nodiscard]] bool greeted() const { return greeted_; }

 private:
  Status eat(std::string_view& bytes, const std::function<bool(std::string_view)>& on_frame,
             bool& more);

  std::uint64_t frame_bytes_max_;
  bool greeted_ = false;
  std::string held_;  // the incomplete rest of what came so far
};

// True if the bytes begin like an HTTP request: somebody took the Raft port for the HTTP port.
bool looks_like_http(std::string_view bytes);

}  // namespace lockstep::host
