// Random wire values for property tests. Everything generated is legal for encode_frame().
#pragma once

#include <rapidcheck.h>

#include "wire/frames.h"

namespace lockstep::wire {

inline std::string any_bytes() {
  return *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
}

inline NodeId any_node() {
  return {"n" + std::to_string(*rc::gen::inRange(0, 100))};
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
  switch (*rc::gen::inRange(0, 5)) {
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

inline FrameBody any_body(const NodeId& from, const NodeId& to) {
  const auto id = *rc::gen::arbitrary<std::uint64_t>();
  switch (*rc::gen::inRange(0, 7)) {
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
      return JoinAsk{.id = id, .member = {any_node(), any_bytes(), voter}};
    }
    case 3: {
      JoinReply m;
      m.id = id;
      m.answer = static_cast<JoinReply::Answer>(*rc::gen::inRange(0, 3));
      m.leader_address = any_bytes();
      m.reason = any_bytes();
      return m;
    }
    case 4:
      return ProbeAsk{.id = id};
    case 5: {
      ProbeReply m{.id = id, .api_addr = any_bytes(), .version = {}};
      m.version = any_bytes();
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
