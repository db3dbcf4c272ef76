// Who belongs to the cluster. A Membership is a value; it travels as the payload of a `config`
// entry and is in force from the moment it is appended, committed or not (dissertation 4.1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace lockstep::raft {

struct Member {
  NodeId id;
  std::string address;  // "host:port" of its Raft listener; opaque to the core
  bool voter =
      true;  // false: a learner (read replica): receives the log, never votes, is never counted
  friend bool operator==(const Member&, const Member&) = default;
};

struct Membership {
  std::vector<Member> members;  // sorted by id, ids unique

  [[nodiscard]] const Member* find(const NodeId& id) const;
  [[nodiscard]] bool is_voter(const NodeId& id) const;
  [[nodiscard]] std::size_t voter_count() const;
  // Smallest number of voters that is a majority; 1 if there are none.
  [[nodiscard]] std::size_t quorum() const { return voter_count() / 2 + 1; }
  // Adds the member, or replaces the one with its id.
  void put(Member member);
  // Removes the member; nothing if absent.
  void remove(const NodeId& id);

  friend bool operator==(const Membership&, const Membership&) = default;
};

// Format (version 1): u8 version, u32 count, then per member: string id, string address, bool
// voter.
std::string encode(const Membership& membership);
// Errc::corrupt if the bytes are not exactly one well-formed membership.
Result<Membership> decode_membership(std::string_view bytes);

}  // namespace lockstep::raft
