#include "storage/vote_file.h"

#include <optional>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"
#include "base/codec.h"
#include "storage/slots.h"

namespace lockstep::storage {
namespace {

// Payload (version 2): string node id, u64 term, u64 index and u64 term of the fence, bool voted,
// string candidate if voted, u64 and u64 of the cluster, u64 and u64 of the one it was recovered
// from, u64 and u64 of the one that claims this node. Version 1 ends before the cluster.
constexpr Slots::Kind kKind{.magic = "LockVote", .version = 2};
constexpr std::string_view kName = "vote";

struct Kept {
  NodeId self;
  raft::HardState hard = {};
  raft::Position fence = {};
  VoteFile::Cluster cluster = {};
};

void encode(Encoder& out, ClusterId id) {
  out.u64(id.high);
  out.u64(id.low);
}

ClusterId decode_cluster(Decoder& in) {
  ClusterId id;
  id.high = in.u64();
  id.low = in.u64();
  return id;
}

std::string encode(const Kept& kept) {
  Encoder out;
  out.string(kept.self.value);
  out.u64(kept.hard.term.value);
  out.u64(kept.fence.index.value);
  out.u64(kept.fence.term.value);
  out.boolean(kept.hard.vote.has_value());
  if (kept.hard.vote) out.string(kept.hard.vote->value);
  encode(out, kept.cluster.id);
  encode(out, kept.cluster.recovered_from);
  encode(out, kept.cluster.claimed_by);
  return out.take();
}

Result<Kept> decode(std::string_view payload, std::uint32_t version) {
  Decoder in(payload);
  Kept kept;
  kept.self.value = in.string();
  kept.hard.term.value = in.u64();
  kept.fence.index.value = in.u64();
  kept.fence.term.value = in.u64();
  if (in.boolean()) kept.hard.vote = NodeId{std::string(in.string())};
  if (version > 1) {
    kept.cluster.id = decode_cluster(in);
    kept.cluster.recovered_from = decode_cluster(in);
    kept.cluster.claimed_by = decode_cluster(in);
  }
  if (!in.complete()) return fail(Errc::corrupt, "vote: malformed state");
  return kept;
}

}  // namespace

struct VoteFile::State {
  // What is to be kept from now on, made durable.
  Status keep(Kept next) {
    TRY(slots.store(encode(next)));
    kept = std::move(next);
    return {};
  }

  Slots slots;
  Kept kept;
};

VoteFile::VoteFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
VoteFile::~VoteFile() = default;

Result<std::unique_ptr<VoteFile>> VoteFile::open(env::Disk& disk, const NodeId& self) {
  CHECK(!self.value.empty());
  TRY_ASSIGN(Slots slots, Slots::open(disk, std::string(kName), kKind, encode(Kept{.self = self})));
  TRY_ASSIGN(Kept kept, decode(slots.payload(), slots.version()));
  if (kept.self != self)
    return fail(Errc::refused, "this data folder belongs to node '" + kept.self.value +
                                   "', not to '" + self.value + "'");
  if (slots.version() < kKind.version) TRY(slots.store(encode(kept)));
  TRY(slots.settle(disk));
  return std::unique_ptr<VoteFile>(
      new VoteFile(std::make_unique<State>(State{std::move(slots), std::move(kept)})));
}

const raft::HardState& VoteFile::state() const {
  return state_->kept.hard;
}

raft::Position VoteFile::fence() const {
  return state_->kept.fence;
}

const VoteFile::Cluster& VoteFile::cluster() const {
  return state_->kept.cluster;
}

Status VoteFile::store_admission(raft::Position fence, ClusterId cluster) {
  Kept next = state_->kept;
  next.fence = fence;
  next.cluster.id = cluster;
  return state_->keep(std::move(next));
}

Status VoteFile::store_cluster(const Cluster& cluster) {
  Kept next = state_->kept;
  next.cluster = cluster;
  return state_->keep(std::move(next));
}

Status VoteFile::store(const raft::HardState& state) {
  CHECK(state.term >= state_->kept.hard.term);
  Kept next = state_->kept;
  next.hard = state;
  if (!LOCKSTEP_BUG(vote_not_persisted)) return state_->keep(std::move(next));
  state_->kept = std::move(next);
  return {};
}

}  // namespace lockstep::storage
