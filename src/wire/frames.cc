// Encoding of frames (format in frames.h). The decoder is total and strict: what it accepts, it
// would encode to the very same bytes. Bodies, in the order of their structs' fields:
//   1 raft::Message (messages_codec.h)   2 Forward   3 ForwardReply   4 JoinAsk   5 JoinReply
//   6 ProbeAsk   7 ProbeReply   8 ReadAsk   9 ReadReply
//   10 ImageAsk  11 ImageReply  12 LogAsk  13 LogReply (wire/bulk.h)
//   14 FoundAsk  15 FoundReply
#include "wire/frames.h"

#include "base/codec.h"
#include "wire/messages_codec.h"

namespace lockstep::wire {
namespace {

constexpr std::uint8_t kVersion = 2;

enum class Type : std::uint8_t {
  raft = 1,
  forward = 2,
  forward_reply = 3,
  join_ask = 4,
  join_reply = 5,
  probe_ask = 6,
  probe_reply = 7,
  read_ask = 8,
  read_reply = 9,
  image_ask = 10,
  image_reply = 11,
  log_ask = 12,
  log_reply = 13,
  found_ask = 14,
  found_reply = 15,
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;
constexpr std::size_t kHeaderSizeMin = 8;  // two empty strings

void encode_headers(Encoder& out, const HeaderList& headers) {
  out.u32(static_cast<std::uint32_t>(headers.size()));
  for (const auto& [name, value] : headers) {
    out.string(name);
    out.string(value);
  }
}

bool decode_headers(Decoder& in, HeaderList& headers) {
  const std::uint32_t count = in.u32();
  if (!in.ok() || count > in.remaining() / kHeaderSizeMin) return false;
  headers.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string name(in.string());
    std::string value(in.string());
    if (!in.ok()) return false;
    headers.emplace_back(std::move(name), std::move(value));
  }
  return true;
}

Type type_of(const FrameBody& body) {
  return static_cast<Type>(body.index() + 1);
}
static_assert(std::variant_size_v<FrameBody> == static_cast<std::size_t>(Type::found_reply));

struct BodyEncoder {
  Encoder& out;

  void operator()(const raft::Message& m) { encode_message(out, m); }
  void operator()(const Forward& m) {
    out.u64(m.id);
    out.u64(m.term.value);
    out.string(m.method);
    out.string(m.target);
    encode_headers(out, m.headers);
    out.string(m.body);
  }
  void operator()(const ForwardReply& m) {
    out.u64(m.id);
    out.boolean(m.not_leader);
    out.u32(m.status);
    encode_headers(out, m.headers);
    out.string(m.body);
  }
  void operator()(const JoinAsk& m) {
    out.u64(m.id);
    out.string(m.member.id.value);
    out.string(m.member.address);
    out.boolean(m.member.voter);
    out.string(m.member.api_addr);
    out.boolean(m.fresh);
    out.boolean(m.as_member);
  }
  void operator()(const JoinReply& m) {
    out.u64(m.id);
    out.u8(static_cast<std::uint8_t>(m.answer));
    out.string(m.leader_address);
    out.string(m.reason);
    out.u64(m.fence.index.value);
    out.u64(m.fence.term.value);
  }
  void operator()(const ProbeAsk& m) { out.u64(m.id); }
  void operator()(const ProbeReply& m) {
    out.u64(m.id);
    out.string(m.api_addr);
    out.string(m.version);
  }
  void operator()(const ReadAsk& m) { out.u64(m.id); }
  void operator()(const ReadReply& m) {
    out.u64(m.id);
    out.boolean(m.granted);
    out.u64(m.index.value);
  }
  void operator()(const ImageAsk& m) { encode(out, m); }
  void operator()(const ImageReply& m) { encode(out, m); }
  void operator()(const LogAsk& m) { encode(out, m); }
  void operator()(const LogReply& m) { encode(out, m); }
  void operator()(const FoundAsk& m) { out.u64(m.id); }
  void operator()(const FoundReply& m) {
    out.u64(m.id);
    out.u8(static_cast<std::uint8_t>(m.stage));
    out.string(raft::encode(m.founders));
    out.u64(m.nonce);
  }
};

bool decode(Decoder& in, Forward& m) {
  m.id = in.u64();
  m.term = {in.u64()};
  m.method = in.string();
  m.target = in.string();
  if (!decode_headers(in, m.headers)) return false;
  m.body = in.string();
  return in.ok();
}

bool decode(Decoder& in, ForwardReply& m) {
  m.id = in.u64();
  m.not_leader = in.boolean();
  m.status = in.u32();
  if (!decode_headers(in, m.headers)) return false;
  m.body = in.string();
  return in.ok();
}

bool decode(Decoder& in, JoinAsk& m) {
  m.id = in.u64();
  m.member.id.value = in.string();
  m.member.address = in.string();
  m.member.voter = in.boolean();
  m.member.api_addr = in.string();
  m.fresh = in.boolean();
  m.as_member = in.boolean();
  return in.ok() && !m.member.id.value.empty();
}

bool decode(Decoder& in, JoinReply& m) {
  m.id = in.u64();
  const auto answer = in.u8();
  if (answer > static_cast<std::uint8_t>(JoinReply::Answer::foreign)) return false;
  m.answer = static_cast<JoinReply::Answer>(answer);
  m.leader_address = in.string();
  m.reason = in.string();
  m.fence.index.value = in.u64();
  m.fence.term.value = in.u64();
  return in.ok();
}

bool decode(Decoder& in, ProbeAsk& m) {
  m.id = in.u64();
  return in.ok();
}

bool decode(Decoder& in, ProbeReply& m) {
  m.id = in.u64();
  m.api_addr = in.string();
  m.version = in.string();
  return in.ok();
}

bool decode(Decoder& in, ReadAsk& m) {
  m.id = in.u64();
  return in.ok();
}

bool decode(Decoder& in, ReadReply& m) {
  m.id = in.u64();
  m.granted = in.boolean();
  m.index.value = in.u64();
  return in.ok();
}

bool decode(Decoder& in, FoundAsk& m) {
  m.id = in.u64();
  return in.ok();
}

bool decode(Decoder& in, FoundReply& m) {
  m.id = in.u64();
  const auto stage = in.u8();
  if (stage > static_cast<std::uint8_t>(FoundReply::Stage::joining)) return false;
  m.stage = static_cast<FoundReply::Stage>(stage);
  auto founders = raft::decode_membership(in.string());
  m.nonce = in.u64();
  if (!in.ok() || !founders) return false;
  m.founders = std::move(*founders);
  return true;
}

bool decode_raft(Decoder& in, Frame& frame) {
  auto& message = frame.body.emplace<raft::Message>();
  message.from = frame.from;
  message.to = frame.to;
  return decode_message(in, message);
}

bool decode_body(Decoder& in, Type type, Frame& frame) {
  switch (type) {
    case Type::raft:
      return decode_raft(in, frame);
    case Type::forward:
      return decode(in, frame.body.emplace<Forward>());
    case Type::forward_reply:
      return decode(in, frame.body.emplace<ForwardReply>());
    case Type::join_ask:
      return decode(in, frame.body.emplace<JoinAsk>());
    case Type::join_reply:
      return decode(in, frame.body.emplace<JoinReply>());
    case Type::probe_ask:
      return decode(in, frame.body.emplace<ProbeAsk>());
    case Type::probe_reply:
      return decode(in, frame.body.emplace<ProbeReply>());
    case Type::read_ask:
      return decode(in, frame.body.emplace<ReadAsk>());
    case Type::read_reply:
      return decode(in, frame.body.emplace<ReadReply>());
    case Type::image_ask:
      return decode(in, frame.body.emplace<ImageAsk>());
    case Type::image_reply:
      return decode(in, frame.body.emplace<ImageReply>());
    case Type::log_ask:
      return decode(in, frame.body.emplace<LogAsk>());
    case Type::log_reply:
      return decode(in, frame.body.emplace<LogReply>());
    case Type::found_ask:
      return decode(in, frame.body.emplace<FoundAsk>());
    case Type::found_reply:
      return decode(in, frame.body.emplace<FoundReply>());
  }
  return false;
}

// Consensus and forwarded requests are for one node by name; only who does not know a name yet may
// leave the receiver open.
bool needs_receiver(Type type) {
  switch (type) {
    case Type::join_ask:
    case Type::join_reply:
    case Type::probe_ask:
    case Type::probe_reply:
    case Type::found_ask:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::string encode_frame(const Frame& frame) {
  Encoder out;
  out.u8(kVersion);
  out.u8(static_cast<std::uint8_t>(type_of(frame.body)));
  out.u64(frame.cluster.high);
  out.u64(frame.cluster.low);
  out.string(frame.from.value);
  out.string(frame.to.value);
  out.string(frame.reply_to);
  std::visit(BodyEncoder{out}, frame.body);
  return out.take();
}

Result<Frame> decode_frame(std::string_view bytes) {
  Decoder in(bytes);
  const auto version = in.u8();
  const auto type = static_cast<Type>(in.u8());
  Frame frame;
  frame.cluster.high = in.u64();
  frame.cluster.low = in.u64();
  frame.from.value = in.string();
  frame.to.value = in.string();
  frame.reply_to = in.string();
  if (version != kVersion)
    return fail(Errc::invalid, "frame: of format version " + std::to_string(version));
  if (!in.ok()) return fail(Errc::corrupt, "frame: bad header");
  if (frame.from.value.empty()) return fail(Errc::corrupt, "frame: no sender");
  if (frame.to.value.empty() && needs_receiver(type)) {
    return fail(Errc::corrupt, "frame: no receiver");
  }
  if (!decode_body(in, type, frame)) return fail(Errc::corrupt, "frame: bad body");
  if (!in.complete()) return fail(Errc::corrupt, "frame: trailing bytes");
  return frame;
}

}  // namespace lockstep::wire
