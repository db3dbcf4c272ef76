#include "node/image_pieces.h"

#include <zstd.h>

#include "base/check.h"

namespace lockstep::node {
namespace {

// The fastest level: links between nodes are quick, and a piece must not hold the lane for long.
constexpr int kLevel = 1;

}  // namespace

wire::ImageHead head_of(const sql::ImageLabel& label, const raft::Membership& membership) {
  const storage::DurableState& state = label.state;
  return {.at = {.index = state.index, .term = state.term},
          .page_bytes = state.page_bytes,
          .wal_salt1 = state.wal_salt1,
          .wal_salt2 = state.wal_salt2,
          .wal_frames = state.wal_frames,
          .last_insert_id = state.last_insert_id,
          .rows_affected = state.rows_affected,
          .main_bytes = label.main_bytes,
          .wal_bytes = label.wal_bytes,
          .membership = raft::encode(membership)};
}

Result<sql::ImageLabel> label_of(const wire::ImageHead& head) {
  const bool possible = head.at.index > LogIndex{} && head.main_bytes > 0 &&
                        (head.wal_frames > 0) == (head.wal_bytes > 0) &&
                        raft::decode_membership(head.membership).has_value();
  if (!possible) return fail(Errc::corrupt, "the image's head is malformed");
  sql::ImageLabel label;
  label.state.index = head.at.index;
  label.state.term = head.at.term;
  label.state.page_bytes = head.page_bytes;
  label.state.wal_salt1 = head.wal_salt1;
  label.state.wal_salt2 = head.wal_salt2;
  label.state.wal_frames = head.wal_frames;
  label.state.last_insert_id = head.last_insert_id;
  label.state.rows_affected = head.rows_affected;
  label.main_bytes = head.main_bytes;
  label.wal_bytes = head.wal_bytes;
  return label;
}

std::string compress(std::string_view plain) {
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  const std::size_t size =
      ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), kLevel);
  CHECK(ZSTD_isError(size) == 0);
  packed.resize(size);
  return packed;
}

Result<std::string> decompress(std::string_view packed, std::size_t size) {
  std::string plain(size, '\0');
  const std::size_t got = ZSTD_decompress(plain.data(), size, packed.data(), packed.size());
  if (ZSTD_isError(got) != 0 || got != size)
    return fail(Errc::corrupt, "a compressed piece does not unpack to its size");
  return plain;
}

}  // namespace lockstep::node
