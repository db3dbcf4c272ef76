// Bytes of raft::Message inside a frame: everything but `from` and `to`, which the frame carries.
//
// Format: u8 kind, u64 term, then per kind (a position is u64 index, u64 term):
//   1 VoteAsk      bool pre_vote, bool transfer, position last
//   2 VoteReply    bool pre_vote, bool granted
//   3 Append       position prev, u64 commit, u64 round, u32 count, entries: u64 term, u8 kind,
//                  string payload (indexes follow from prev)
//   4 AppendReply  bool success, u64 match, u64 rejected, position hint, u64 round
//   5 TimeoutNow   nothing
//   6 ImageOffer   position at, u64 round
#pragma once

#include <vector>

#include "base/codec.h"
#include "raft/messages.h"

namespace lockstep::wire {

// Precondition: an Append carries the entries (prev.index, prev.index + count].
void encode_message(Encoder& out, const raft::Message& message);
// False unless a well-formed message was read; the caller checks for trailing bytes.
bool decode_message(Decoder& in, raft::Message& message);

// u32 count, then per entry u64 term, u8 kind, string payload; the first one follows `before`.
void encode_entries(Encoder& out, LogIndex before, const std::vector<raft::Entry>& entries);
bool decode_entries(Decoder& in, LogIndex before, std::vector<raft::Entry>& entries);

}  // namespace lockstep::wire
