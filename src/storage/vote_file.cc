#include "storage/vote_file.h"

#include <optional>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"
#include "base/codec.h"
#include "storage/slots.h"

namespace lockstep::storage {
namespace {

// Payload: string node id, u64 term, u64 index and u64 term of the fence, bool voted, then string
// candidate if voted.
constexpr std::string_view kMagic = "LockVote";
constexpr std::string_view kName = "vote";

std::string encode(const NodeId& self, raft::Position fence, const raft::HardState& state) {
  Encoder out;
  out.string(self.value);
  out.u64(state.term.value);
  out.u64(fence.index.value);
  out.u64(fence.term.value);
  out.boolean(state.vote.has_value());
  if (state.vote) out.string(state.vote->value);
  return out.take();
}

}  // namespace

struct VoteFile::State {
  Slots slots;
  NodeId self;
  raft::HardState hard;
  raft::Position fence;
};

VoteFile::VoteFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
VoteFile::~VoteFile() = default;

Result<std::unique_ptr<VoteFile>> VoteFile::open(env::Disk& disk, const NodeId& self) {
  CHECK(!self.value.empty());
  TRY_ASSIGN(Slots slots, Slots::open(disk, std::string(kName), kMagic, encode(self, {}, {})));
  Decoder in(slots.payload());
  const NodeId owner{std::string(in.string())};
  raft::HardState hard;
  hard.term.value = in.u64();
  raft::Position fence;
  fence.index.value = in.u64();
  fence.term.value = in.u64();
  if (in.boolean()) hard.vote = NodeId{std::string(in.string())};
  if (!in.complete()) return fail(Errc::corrupt, "vote: malformed state");
  if (owner != self)
    return fail(Errc::refused, "this data folder belongs to node '" + owner.value + "', not to '" +
                                   self.value + "'");
  TRY(slots.settle(disk));
  return std::unique_ptr<VoteFile>(
      new VoteFile(std::make_unique<State>(State{std::move(slots), self, std::move(hard), fence})));
}

const raft::HardState& VoteFile::state() const {
  return state_->hard;
}

raft::Position VoteFile::fence() const {
  return state_->fence;
}

Status VoteFile::store_fence(raft::Position fence) {
  TRY(state_->slots.store(encode(state_->self, fence, state_->hard)));
  state_->fence = fence;
  return {};
}

Status VoteFile::store(const raft::HardState& state) {
  CHECK(state.term >= state_->hard.term);
  if (!LOCKSTEP_BUG(vote_not_persisted))
    TRY(state_->slots.store(encode(state_->self, state_->fence, state)));
  state_->hard = state;
  return {};
}

}  // namespace lockstep::storage
