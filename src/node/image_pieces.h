// What both ends of an image transfer agree on: labels as they travel, and pieces as they are
// compressed (zstd, RFC 8878).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "raft/membership.h"
#include "sql/image.h"
#include "wire/bulk.h"

namespace lockstep::node {

// A receiver asks for pieces of this size; a sender serves no larger ones. A multiple of a page.
inline constexpr std::uint32_t kImagePieceBytes = 256u << 10;

wire::ImageHead head_of(const sql::ImageLabel& label, const raft::Membership& membership);
// Errc::corrupt: the head says impossible things.
Result<sql::ImageLabel> label_of(const wire::ImageHead& head);

// Pure; any lane.
std::string compress(std::string_view plain);
// Errc::corrupt unless the bytes unpack to exactly `size`.
Result<std::string> decompress(std::string_view packed, std::size_t size);

}  // namespace lockstep::node
