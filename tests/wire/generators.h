// Random wire values for property tests. Everything generated is legal for encode_frame().
#pragma once

#include <rapidcheck.h>

#include "wire/frames.h"

namespace lockstep::wire {

inline std::string any_bytes() {
  return *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
}

inline NodeId any_node() {
  std::string name = std::to_string(*rc::gen::inRange(0, 100));
  return {std::move(name)};
}

inline raft::Position any_position() {
  const auto index = *rc::gen::arbitrary<std::uint64_t>();
  const auto term = *rc::gen::arbitrary<std::uint64_t>();
  return {.index = {index >> 8}, .term = {term}};
}

inline raft::Append any_append() {
  raft::Append m;
  m.prev = any_position();
  m.commit = {*rc::gen::arbitrary<std::uint64_t>()};
  m.round = *rc::gen::arbitrary<std::uint64_t>();
  m.count = *rc::gen::inRange<std::uint64_t>(0, 5);
  for (std::uint64_t i = 0; i < m.count; ++i) {
    const auto term = *rc::gen::arbitrary<std::uint64_t>();
    const auto kind = static_cast<raft::EntryKind>(*rc::gen::inRange(0, 3));
    m.entries.push_back({.term = {term},
                         .index = m.prev.index + (i + 1),
                         .kind = kind,
                         .payload = Blob(any_bytes())});
  }
  return m;
}

inline raft::Message any_message(const NodeId& from, const NodeId& to) {
  raft::Message m{
      .from = from, .to = to, .term = {*rc::gen::arbitrary<std::uint64_t>()}, .body = {}};
  switch (*rc::gen::inRange(0, 6)) {
    case 0: {
      const bool pre_vote = *rc::gen::arbitrary<bool>();
      const bool transfer = *rc::gen::arbitrary<bool>();
      m.body = raft::VoteAsk{.pre_vote = pre_vote, .transfer = transfer, .last = any_position()};
      break;
    }
    case 1: {
      const bool pre_vote = *rc::gen::arbitrary<bool>();
      m.body = raft::VoteReply{.pre_vote = pre_vote, .granted = *rc::gen::arbitrary<bool>()};
      break;
    }
    case 2:
      m.body = any_append();
      break;
    case 3: {
      raft::AppendReply r;
      r.success = *rc::gen::arbitrary<bool>();
      r.match = {*rc::gen::arbitrary<std::uint64_t>()};
      r.rejected = {*rc::gen::arbitrary<std::uint64_t>()};
      r.hint = any_position();
      r.round = *rc::gen::arbitrary<std::uint64_t>();
      m.body = r;
      break;
    }
    case 4: {
      const raft::Position at = any_position();
      m.body = raft::ImageOffer{.at = at, .round = *rc::gen::arbitrary<std::uint64_t>()};
      break;
    }
    default:
      m.body = raft::TimeoutNow{};
  }
  return m;
}

inline std::vector<std::pair<std::string, std::string>> any_headers() {
  std::vector<std::pair<std::string, std::string>> headers;
  const int count = *rc::gen::inRange(0, 4);
  for (int i = 0; i < count; ++i) {
    std::string name = any_bytes();
    headers.emplace_back(std::move(name), any_bytes());
  }
  return headers;
}

inline std::uint64_t any_u64() {
  return *rc::gen::arbitrary<std::uint64_t>();
}

inline ImageHead any_head() {
  ImageHead head;
  head.at = any_position();
  head.page_bytes = *rc::gen::arbitrary<std::uint32_t>();
  head.wal_salt1 = *rc::gen::arbitrary<std::uint32_t>();
  head.wal_salt2 = *rc::gen::arbitrary<std::uint32_t>();
  head.wal_frames = any_u64();
  head.last_insert_id = *rc::gen::arbitrary<std::int64_t>();
  head.rows_affected = *rc::gen::arbitrary<std::int64_t>();
  head.main_bytes = any_u64();
  head.wal_bytes = any_u64();
  head.membership = any_bytes();
  return head;
}

inline raft::Membership any_membership() {
  raft::Membership membership;
  const int count = *rc::gen::inRange(0, 4);
  for (int i = 0; i < count; ++i) {
    NodeId id = any_node();
    std::string address = any_bytes();
    membership.put(
        {.id = std::move(id), .address = std::move(address), .voter = *rc::gen::arbitrary<bool>()});
  }
  return membership;
}

// What nodes pull from each other.
inline FrameBody any_bulk(std::uint64_t id) {
  switch (*rc::gen::inRange(0, 6)) {
    case 0:
      return ReadAsk{id};
    case 1: {
      const bool granted = *rc::gen::arbitrary<bool>();
      return ReadReply{.id = id, .granted = granted, .index = {any_u64()}};
    }
    case 2: {
      ImageAsk m;
      m.id = id;
      m.session = any_u64();
      m.least = {any_u64()};
      m.part = static_cast<std::uint8_t>(*rc::gen::inRange(0, 2));
      m.offset = any_u64();
      m.bytes = *rc::gen::arbitrary<std::uint32_t>();
      m.have = any_u64();
      return m;
    }
    case 3: {
      ImageReply m;
      m.id = id;
      m.session = any_u64();
      m.kind = static_cast<ImageReply::Kind>(*rc::gen::inRange(0, 4));
      m.text = any_bytes();
      m.head = any_head();
      m.hash = any_u64();
      m.data = any_bytes();
      return m;
    }
    case 4: {
      LogAsk m{.id = id, .first = {1 + (any_u64() >> 8)}, .count = 0};
      m.count = any_u64();
      return m;
    }
    default: {
      LogReply m;
      m.id = id;
      m.first = {1 + (any_u64() >> 8)};
      m.entries = any_append().entries;
      for (std::uint64_t i = 0; i < m.entries.size(); ++i) m.entries[i].index = m.first + i;
      return m;
    }
  }
}

inline FrameBody any_body(const NodeId& from, const NodeId& to) {
  const auto id = *rc::gen::arbitrary<std::uint64_t>();
  switch (*rc::gen::inRange(0, 12)) {
    case 0: {
      Forward m;
      m.id = id;
      m.term = {*rc::gen::arbitrary<std::uint64_t>()};
      m.method = any_bytes();
      m.target = any_bytes();
      m.headers = any_headers();
      m.body = any_bytes();
      return m;
    }
    case 1: {
      ForwardReply m;
      m.id = id;
      m.not_leader = *rc::gen::arbitrary<bool>();
      m.status = *rc::gen::arbitrary<unsigned>();
      m.headers = any_headers();
      m.body = any_bytes();
      return m;
    }
    case 2: {
      const bool voter = *rc::gen::arbitrary<bool>();
      JoinAsk m{.id = id, .member = {any_node(), any_bytes(), voter}};
      m.fresh = *rc::gen::arbitrary<bool>();
      return m;
    }
    case 3: {
      JoinReply m;
      m.id = id;
      m.answer = static_cast<JoinReply::Answer>(*rc::gen::inRange(0, 4));
      m.leader_address = any_bytes();
      m.reason = any_bytes();
      m.fence = any_position();
      return m;
    }
    case 4:
      return ProbeAsk{.id = id};
    case 5: {
      ProbeReply m{.id = id, .api_addr = any_bytes(), .version = {}};
      m.version = any_bytes();
      return m;
    }
    case 6:
    case 7:
    case 8:
      return any_bulk(id);
    case 9:
      return FoundAsk{.id = id};
    case 10: {
      FoundReply m;
      m.id = id;
      m.stage = static_cast<FoundReply::Stage>(*rc::gen::inRange(0, 4));
      m.founders = any_membership();
      return m;
    }
    default:
      return any_message(from, to);
  }
}

inline Frame any_frame() {
  Frame frame{.from = any_node(), .to = any_node(), .body = {}};
  frame.body = any_body(frame.from, frame.to);
  return frame;
}

}  // namespace lockstep::wire
