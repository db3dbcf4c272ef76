// Frames: what nodes send to each other, whole datagrams. Every frame names cluster, sender and
// receiver, so that an address that now belongs to another node, or to a node of another cluster,
// is noticed (node/doorkeeper.h): the frame is dropped, never misread.
//
// Format (version 2): u8 version, u8 type, u64 and u64 of the cluster, string from, string to,
// string reply_to, then the body of the type. (Version 1 had no cluster; it is not understood.) No
// checksum: TCP links add their own (host/link.h); the simulator's network delivers whole frames or
// none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "raft/membership.h"
#include "raft/messages.h"
#include "wire/bulk.h"

namespace lockstep::wire {

// A client's HTTP request passed on to the leader. At most once: never sent again by anybody.
struct Forward {
  std::uint64_t id = 0;  // unique per sender and run; pairs the reply
  Term term;             // in which the sender believes the receiver to lead
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
};

struct ForwardReply {
  std::uint64_t id = 0;
  // The receiver does not lead and did nothing: the sender may choose another node.
  bool not_leader = false;
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// "Make me this member", or "am I still a member?" Sent to any node; only one that leads, and has
// proven it after the ask came, decides (node/admission.h).
struct JoinAsk {
  std::uint64_t id = 0;  // drawn anew in each life of the sender; pairs the reply
  raft::Member member;   // what it wants to be
  // The sender holds nothing: no log, no vote. If it is known as a voter it has lost its disk, and
  // with it what it had promised.
  bool fresh = false;
  // The sender takes itself for a member: if it is none any more, it wants to be told so, and is
  // not let in.
  bool as_member = false;
};

struct JoinReply {
  std::uint64_t id = 0;
  // joined: it is the member it asked to be. redirect: the receiver does not lead. refused: see
  // `reason`. admitted: a fresh node may take the log now. removed: it is no member. foreign: it
  // belongs to another cluster than the receiver (see the frame's).
  enum class Answer : std::uint8_t {
    joined,
    redirect,
    refused,
    admitted,
    removed,
    foreign
  } answer = Answer::refused;
  std::string leader_address;  // redirect: ask there; may be empty if no leader is known
  std::string reason;          // refused, foreign: for people
  // admitted: a committed entry; the node must not vote before its log holds it.
  raft::Position fence{};
};

// "Who are you?" Answered by every node; keeps each node's HTTP address known to the others.
struct ProbeAsk {
  std::uint64_t id = 0;
};

struct ProbeReply {
  std::uint64_t id = 0;
  std::string api_addr;  // "http://host:port"
  std::string version;
};

// "Up to which index must I have applied for a linearizable read?" (ReadIndex asked by a follower,
// section 6.4 of the dissertation: the ask travels, the read stays local.) May be asked again.
struct ReadAsk {
  std::uint64_t id = 0;
};

struct ReadReply {
  std::uint64_t id = 0;
  bool granted = false;  // false: the receiver does not lead (any more)
  LogIndex index;
};

// "Which cluster would you found?" Asked by nodes that are to form one together
// (-bootstrap-expect); answered by every node (node/founding.h).
struct FoundAsk {
  std::uint64_t id = 0;
};

struct FoundReply {
  std::uint64_t id = 0;
  // ready: holds nothing, and would found a cluster of `founders` (empty: does not know all yet).
  // founded: durably holds nothing but the founding of `founders`, and has promised nothing since.
  // member: of a cluster that may have begun; `founders` are its members. joining: holds nothing,
  // and founds nothing.
  enum class Stage : std::uint8_t { ready, founded, member, joining } stage = Stage::joining;
  raft::Membership founders;
  // Drawn by the sender in this life. The founders' nonces together name their cluster.
  std::uint64_t nonce = 0;
};

using FrameBody =
    std::variant<raft::Message, Forward, ForwardReply, JoinAsk, JoinReply, ProbeAsk, ProbeReply,
                 ReadAsk, ReadReply, ImageAsk, ImageReply, LogAsk, LogReply, FoundAsk, FoundReply>;

struct Frame {
  NodeId from;
  NodeId to;  // empty: whoever listens at the address (questions of join, probe and founding only)
  FrameBody body;
  // The sender's Raft address, for the answer: a node that is being let in does not know the
  // members' addresses yet.
  std::string reply_to{};
  // The sender's; nil while it belongs to none.
  ClusterId cluster{};
};

std::string encode_frame(const Frame& frame);
// Errc::corrupt unless `bytes` is exactly one well-formed frame. For a raft::Message from/to are
// set from the frame.
Result<Frame> decode_frame(std::string_view bytes);

}  // namespace lockstep::wire
