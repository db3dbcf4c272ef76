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
  // False: a learner (read replica), which receives the log, never votes and is never counted.
  bool voter = true;
  // "http://host:port" of its API, for clients; opaque to the core. Empty: it has not said yet.
  std::string api_addr = {};
  friend bool operator==(const Member&, const Member&) = default;
};

struct Membership {
  std::vector<Member> members;  // sorted by id, ids unique
  // Whose members they are: drawn at the founding, and the same in every entry after it. Nil in
  // clusters that were founded before clusters had names, until a leader gives them one.
  ClusterId cluster = {};

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

// Format (version 2): u8 version, u64 and u64 of the cluster, u32 count, then per member: string
// id, string address, bool voter, string API address. Version 1 has neither cluster nor API
// addresses; what needs neither is written so, and thus each value has one encoding.
std::string encode(const Membership& membership);
// The longest encoding that may come into force, so that it fits wherever it is kept: about 80
// members with long names.
inline constexpr std::size_t kMembershipBytesMax = 4000;
// Errc::corrupt if the bytes are not exactly one well-formed membership.
Result<Membership> decode_membership(std::string_view bytes);

}  // namespace lockstep::raft
