#include "raft/membership.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"

namespace lockstep::raft {
namespace {

constexpr std::uint8_t kUnnamedVersion = 1;
constexpr std::uint8_t kMembershipVersion = 2;

bool is_unnamed(const Membership& membership) {
  return membership.cluster.is_nil() &&
         std::ranges::all_of(membership.members, &std::string::empty, &Member::api_addr);
}

auto lower_bound_of(auto& members, const NodeId& id) {
  return std::ranges::lower_bound(members, id, {}, &Member::id);
}

}  // namespace

const Member* Membership::find(const NodeId& id) const {
  const auto it = lower_bound_of(members, id);
  return it != members.end() && it->id == id ? &*it : nullptr;
}

bool Membership::is_voter(const NodeId& id) const {
  const Member* member = find(id);
  return member != nullptr && member->voter;
}

std::size_t Membership::voter_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(members, &Member::voter));
}

void Membership::put(Member member) {
  const auto it = lower_bound_of(members, member.id);
  if (it != members.end() && it->id == member.id) {
    *it = std::move(member);
  } else {
    members.insert(it, std::move(member));
  }
}

void Membership::remove(const NodeId& id) {
  const auto it = lower_bound_of(members, id);
  if (it != members.end() && it->id == id) members.erase(it);
}

std::string encode(const Membership& membership) {
  const bool unnamed = is_unnamed(membership);
  Encoder out;
  out.u8(unnamed ? kUnnamedVersion : kMembershipVersion);
  if (!unnamed) {
    out.u64(membership.cluster.high);
    out.u64(membership.cluster.low);
  }
  out.u32(static_cast<std::uint32_t>(membership.members.size()));
  for (const Member& member : membership.members) {
    out.string(member.id.value);
    out.string(member.address);
    out.boolean(member.voter);
    if (!unnamed) out.string(member.api_addr);
  }
  return out.take();
}

Result<Membership> decode_membership(std::string_view bytes) {
  Decoder in(bytes);
  const std::uint8_t version = in.u8();
  if (version != kUnnamedVersion && version != kMembershipVersion)
    return fail(Errc::corrupt, "membership: unknown version");
  const bool unnamed = version == kUnnamedVersion;
  Membership membership;
  if (!unnamed) {
    membership.cluster.high = in.u64();
    membership.cluster.low = in.u64();
  }
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    Member member;
    member.id.value = in.string();
    member.address = in.string();
    member.voter = in.boolean();
    if (!unnamed) member.api_addr = in.string();
    // Ascending ids: one value has one encoding, and find() may search by halves.
    const bool ascending = membership.members.empty() || membership.members.back().id < member.id;
    if (!in.ok() || member.id.value.empty() || !ascending)
      return fail(Errc::corrupt, "membership: malformed member");
    membership.members.push_back(std::move(member));
  }
  if (!in.complete()) return fail(Errc::corrupt, "membership: wrong length");
  if (!unnamed && is_unnamed(membership))
    return fail(Errc::corrupt, "membership: not in its shortest form");
  return membership;
}

}  // namespace lockstep::raft
