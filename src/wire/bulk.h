// What one node pulls from another, piece by piece: images of the database, and log entries to heal
// a damaged log with. Every ask may be lost, doubled or late, and may be asked again; the answerer
// keeps no more than the image it has pinned. Ids pair an answer with its ask.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "raft/messages.h"

namespace lockstep::wire {

// Says what an image is (sql::ImageLabel), and which membership was in force there (encoded).
struct ImageHead {
  raft::Position at{};
  std::uint32_t page_bytes = 0;
  std::uint32_t wal_salt1 = 0;
  std::uint32_t wal_salt2 = 0;
  std::uint64_t wal_frames = 0;
  std::int64_t last_insert_id = 0;
  std::int64_t rows_affected = 0;
  std::uint64_t main_bytes = 0;
  std::uint64_t wal_bytes = 0;
  std::string membership;
  friend bool operator==(const ImageHead&, const ImageHead&) = default;
};

// session 0: "begin: pin an image that stands at `least` or later, and tell its head". Otherwise a
// piece of the session's image: part 0 is the main file, 1 the write-ahead file.
struct ImageAsk {
  std::uint64_t id = 0;
  std::uint64_t session = 0;
  LogIndex least;
  std::uint8_t part = 0;
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint64_t have = 0;  // hash64 of what the asker holds there already; 0: nothing
};

struct ImageReply {
  std::uint64_t id = 0;
  std::uint64_t session = 0;
  enum class Kind : std::uint8_t {
    none,  // not now: the session is over, or there is no such image (yet); `text` says why
    head,
    same,   // the piece is what the asker holds
    piece,  // `data` is the piece, compressed (zstd); `hash` is hash64 of its plain bytes
  } kind = Kind::none;
  std::string text{};
  ImageHead head{};
  std::uint64_t hash = 0;
  std::string data{};
};

// Entries [first, first + count) of the log. Answered with all of them, or none.
struct LogAsk {
  std::uint64_t id = 0;
  LogIndex first;
  std::uint64_t count = 0;
};

struct LogReply {
  std::uint64_t id = 0;
  LogIndex first;
  std::vector<raft::Entry> entries;  // consecutive
};

void encode(Encoder& out, const ImageAsk& m);
void encode(Encoder& out, const ImageReply& m);
void encode(Encoder& out, const LogAsk& m);
void encode(Encoder& out, const LogReply& m);
// False unless a well-formed body was read; the caller checks for trailing bytes.
bool decode(Decoder& in, ImageAsk& m);
bool decode(Decoder& in, ImageReply& m);
bool decode(Decoder& in, LogAsk& m);
bool decode(Decoder& in, LogReply& m);

}  // namespace lockstep::wire
