#include "wire/bulk.h"

#include "wire/messages_codec.h"

namespace lockstep::wire {
namespace {

void encode_head(Encoder& out, const ImageHead& head) {
  out.u64(head.at.index.value);
  out.u64(head.at.term.value);
  out.u32(head.page_bytes);
  out.u32(head.wal_salt1);
  out.u32(head.wal_salt2);
  out.u64(head.wal_frames);
  out.i64(head.last_insert_id);
  out.i64(head.rows_affected);
  out.u64(head.main_bytes);
  out.u64(head.wal_bytes);
  out.string(head.membership);
}

void decode_head(Decoder& in, ImageHead& head) {
  head.at.index.value = in.u64();
  head.at.term.value = in.u64();
  head.page_bytes = in.u32();
  head.wal_salt1 = in.u32();
  head.wal_salt2 = in.u32();
  head.wal_frames = in.u64();
  head.last_insert_id = in.i64();
  head.rows_affected = in.i64();
  head.main_bytes = in.u64();
  head.wal_bytes = in.u64();
  head.membership = in.string();
}

}  // namespace

void encode(Encoder& out, const ImageAsk& m) {
  out.u64(m.id);
  out.u64(m.session);
  out.u64(m.least.value);
  out.u8(m.part);
  out.u64(m.offset);
  out.u32(m.bytes);
  out.u64(m.have);
}

bool decode(Decoder& in, ImageAsk& m) {
  m.id = in.u64();
  m.session = in.u64();
  m.least.value = in.u64();
  m.part = in.u8();
  m.offset = in.u64();
  m.bytes = in.u32();
  m.have = in.u64();
  return in.ok() && m.part <= 1;
}

// Only what the kind needs travels.
void encode(Encoder& out, const ImageReply& m) {
  out.u64(m.id);
  out.u64(m.session);
  out.u8(static_cast<std::uint8_t>(m.kind));
  switch (m.kind) {
    case ImageReply::Kind::none:
      return out.string(m.text);
    case ImageReply::Kind::head:
      return encode_head(out, m.head);
    case ImageReply::Kind::same:
      return;
    case ImageReply::Kind::piece:
      out.u64(m.hash);
      return out.string(m.data);
  }
}

bool decode(Decoder& in, ImageReply& m) {
  m.id = in.u64();
  m.session = in.u64();
  const auto kind = in.u8();
  if (kind > static_cast<std::uint8_t>(ImageReply::Kind::piece)) return false;
  m.kind = static_cast<ImageReply::Kind>(kind);
  switch (m.kind) {
    case ImageReply::Kind::none:
      m.text = in.string();
      break;
    case ImageReply::Kind::head:
      decode_head(in, m.head);
      break;
    case ImageReply::Kind::same:
      break;
    case ImageReply::Kind::piece:
      m.hash = in.u64();
      m.data = in.string();
      break;
  }
  return in.ok();
}

void encode(Encoder& out, const LogAsk& m) {
  out.u64(m.id);
  out.u64(m.first.value);
  out.u64(m.count);
}

bool decode(Decoder& in, LogAsk& m) {
  m.id = in.u64();
  m.first.value = in.u64();
  m.count = in.u64();
  return in.ok() && m.first > LogIndex{};
}

void encode(Encoder& out, const LogReply& m) {
  out.u64(m.id);
  out.u64(m.first.value);
  encode_entries(out, m.first.prev(), m.entries);
}

bool decode(Decoder& in, LogReply& m) {
  m.id = in.u64();
  m.first.value = in.u64();
  return m.first > LogIndex{} && decode_entries(in, m.first.prev(), m.entries);
}

}  // namespace lockstep::wire
