// Encoding of the consensus messages. Decoding copies each entry's payload once, into the Blob that
// the log write, the apply and further sends will share.
#include "wire/messages_codec.h"

#include <limits>

#include "base/check.h"

namespace lockstep::wire {
namespace {

enum class Kind : std::uint8_t {
  vote_ask = 1,
  vote_reply = 2,
  append = 3,
  append_reply = 4,
  timeout_now = 5,
  image_offer = 6,
};

constexpr std::size_t kEntrySizeMin = 8 + 1 + 4;

void encode_position(Encoder& out, const raft::Position& position) {
  out.u64(position.index.value);
  out.u64(position.term.value);
}

raft::Position decode_position(Decoder& in) {
  raft::Position position;
  position.index = {in.u64()};
  position.term = {in.u64()};
  return position;
}

struct BodyEncoder {
  Encoder& out;
  Term term;

  void head(Kind kind) {
    out.u8(static_cast<std::uint8_t>(kind));
    out.u64(term.value);
  }
  void operator()(const raft::VoteAsk& m) {
    head(Kind::vote_ask);
    out.boolean(m.pre_vote);
    out.boolean(m.transfer);
    encode_position(out, m.last);
  }
  void operator()(const raft::VoteReply& m) {
    head(Kind::vote_reply);
    out.boolean(m.pre_vote);
    out.boolean(m.granted);
  }
  void operator()(const raft::Append& m) {
    CHECK(m.entries.size() == m.count);
    head(Kind::append);
    encode_position(out, m.prev);
    out.u64(m.commit.value);
    out.u64(m.round);
    encode_entries(out, m.prev.index, m.entries);
  }
  void operator()(const raft::AppendReply& m) {
    head(Kind::append_reply);
    out.boolean(m.success);
    out.u64(m.match.value);
    out.u64(m.rejected.value);
    encode_position(out, m.hint);
    out.u64(m.round);
  }
  void operator()(const raft::TimeoutNow&) { head(Kind::timeout_now); }
  void operator()(const raft::ImageOffer& m) {
    head(Kind::image_offer);
    encode_position(out, m.at);
    out.u64(m.round);
  }
};

raft::VoteAsk decode_vote_ask(Decoder& in) {
  raft::VoteAsk m;
  m.pre_vote = in.boolean();
  m.transfer = in.boolean();
  m.last = decode_position(in);
  return m;
}

raft::VoteReply decode_vote_reply(Decoder& in) {
  raft::VoteReply m;
  m.pre_vote = in.boolean();
  m.granted = in.boolean();
  return m;
}

bool decode_append(Decoder& in, raft::Append& m) {
  m.prev = decode_position(in);
  m.commit = {in.u64()};
  m.round = in.u64();
  const bool good = decode_entries(in, m.prev.index, m.entries);
  m.count = m.entries.size();
  return good;
}

raft::AppendReply decode_append_reply(Decoder& in) {
  raft::AppendReply m;
  m.success = in.boolean();
  m.match = {in.u64()};
  m.rejected = {in.u64()};
  m.hint = decode_position(in);
  m.round = in.u64();
  return m;
}

raft::ImageOffer decode_image_offer(Decoder& in) {
  raft::ImageOffer m;
  m.at = decode_position(in);
  m.round = in.u64();
  return m;
}

}  // namespace

void encode_entries(Encoder& out, LogIndex before, const std::vector<raft::Entry>& entries) {
  out.u32(static_cast<std::uint32_t>(entries.size()));
  for (const auto& entry : entries) {
    before = before.next();
    CHECK(entry.index == before);
    out.u64(entry.term.value);
    out.u8(static_cast<std::uint8_t>(entry.kind));
    out.string(entry.payload.view());
  }
}

bool decode_entries(Decoder& in, LogIndex before, std::vector<raft::Entry>& entries) {
  const std::uint32_t count = in.u32();
  if (!in.ok() || count > in.remaining() / kEntrySizeMin) return false;
  if (count > std::numeric_limits<std::uint64_t>::max() - before.value) return false;
  entries.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    before = before.next();
    raft::Entry entry{.term = {in.u64()}, .index = before, .kind = {}, .payload = {}};
    const auto kind = in.u8();
    if (kind > static_cast<std::uint8_t>(raft::EntryKind::config)) return false;
    entry.kind = static_cast<raft::EntryKind>(kind);
    const auto payload = in.string();
    if (!in.ok()) return false;
    if (!payload.empty()) entry.payload = Blob(std::string(payload));
    entries.push_back(std::move(entry));
  }
  return true;
}

void encode_message(Encoder& out, const raft::Message& message) {
  std::visit(BodyEncoder{out, message.term}, message.body);
}

bool decode_message(Decoder& in, raft::Message& message) {
  const auto kind = static_cast<Kind>(in.u8());
  message.term = {in.u64()};
  switch (kind) {
    case Kind::vote_ask:
      message.body = decode_vote_ask(in);
      return in.ok();
    case Kind::vote_reply:
      message.body = decode_vote_reply(in);
      return in.ok();
    case Kind::append:
      return decode_append(in, message.body.emplace<raft::Append>());
    case Kind::append_reply:
      message.body = decode_append_reply(in);
      return in.ok();
    case Kind::timeout_now:
      message.body = raft::TimeoutNow{};
      return in.ok();
    case Kind::image_offer:
      message.body = decode_image_offer(in);
      return in.ok();
  }
  return false;
}

}  // namespace lockstep::wire
