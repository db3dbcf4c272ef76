#include "host/link.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/codec.h"
#include "base/hash.h"

namespace lockstep::host {

namespace {

constexpr std::string_view kMagic = "LOCKSTEP";

std::uint32_t checksum_of(std::string_view frame) {
  return static_cast<std::uint32_t>(hash64(frame));
}

template <std::size_t kSize>
std::array<char, kSize> to_array(Encoder& encoder) {
  CHECK(encoder.size() == kSize);
  std::array<char, kSize> bytes{};
  std::memcpy(bytes.data(), encoder.view().data(), kSize);
  return bytes;
}

}  // namespace

std::array<char, kLinkPreambleBytes> link_preamble() {
  Encoder encoder;
  encoder.bytes(kMagic);
  encoder.u32(kLinkVersion);
  return to_array<kLinkPreambleBytes>(encoder);
}

std::array<char, kLinkHeaderBytes> link_header(std::string_view frame) {
  CHECK(frame.size() <= std::numeric_limits<std::uint32_t>::max());
  Encoder encoder;
  encoder.u32(static_cast<std::uint32_t>(frame.size()));
  encoder.u32(checksum_of(frame));
  return to_array<kLinkHeaderBytes>(encoder);
}

Status LinkReader::feed(std::string_view bytes,
                        const std::function<bool(std::string_view)>& on_frame) {
  bool more = true;
  if (held_.empty()) {
    // The common case: whole frames, read where they lie.
    while (more) TRY(eat(bytes, on_frame, more));
    held_.assign(bytes);
    return {};
  }
  held_.append(bytes);
  std::string_view rest = held_;
  while (more) TRY(eat(rest, on_frame, more));
  held_.erase(0, held_.size() - rest.size());
  if (held_.empty()) held_.shrink_to_fit();  // a big frame's memory is not kept for small ones
  return {};
}

// Eats one preamble or frame from the front of `bytes`; `more` is false once nothing whole is left.
Status LinkReader::eat(std::string_view& bytes,
                       const std::function<bool(std::string_view)>& on_frame, bool& more) {
  if (!greeted_) {
    const auto expected = link_preamble();
    const std::string_view wanted(expected.data(), expected.size());
    const std::size_t shared = std::min(bytes.size(), wanted.size());
    // Wrong bytes are refused at once: who waits for an answer here speaks another protocol.
    if (bytes.substr(0, shared) != wanted.substr(0, shared)) {
      if (looks_like_http(bytes)) return fail(Errc::invalid, "HTTP request on the Raft port");
      const bool magic = bytes.starts_with(kMagic);
      return fail(Errc::corrupt,
                  magic ? "peer speaks another version of the link format" : "not a Lockstep peer");
    }
    more = bytes.size() >= wanted.size();
    if (!more) return {};
    greeted_ = true;
    bytes.remove_prefix(wanted.size());
    return {};
  }
  more = bytes.size() >= kLinkHeaderBytes;
  if (!more) return {};
  Decoder header(bytes.substr(0, kLinkHeaderBytes));
  const std::uint64_t length = header.u32();
  const std::uint32_t checksum = header.u32();
  if (length > frame_bytes_max_)
    return fail(Errc::corrupt, "frame of " + std::to_string(length) + " bytes exceeds the limit");
  more = bytes.size() - kLinkHeaderBytes >= length;
  if (!more) return {};
  const std::string_view frame = bytes.substr(kLinkHeaderBytes, length);
  if (checksum_of(frame) != checksum) return fail(Errc::corrupt, "frame with a wrong checksum");
  bytes.remove_prefix(kLinkHeaderBytes + length);
  more = on_frame(frame);
  return {};
}

bool looks_like_http(std::string_view bytes) {
  constexpr std::array<std::string_view, 7> kMethods{"GET ",    "POST ",    "HEAD ", "PUT ",
                                                     "DELETE ", "OPTIONS ", "PRI * "};
  return std::ranges::any_of(kMethods, [&](std::string_view m) {
    return !bytes.empty() && m.starts_with(bytes.substr(0, m.size()));
  });
}

}  // namespace lockstep::host
