#include "storage/manifest.h"

#include <utility>

#include "base/check.h"
#include "base/codec.h"
#include "storage/slots.h"

namespace lockstep::storage {
namespace {

// Payload: empty, or u64 index, u64 term, u32 page bytes, u32 salt 1, u32 salt 2, u64 frames,
// i64 last insert id, i64 rows affected, string image membership, bool installing, u8 sums file.
constexpr std::string_view kMagic = "LockMani";
constexpr std::string_view kName = "manifest";

// All of the payload but the membership itself.
constexpr std::size_t kFixedBytes = 58;
static_assert(kFixedBytes + kImageMembershipMax == kSlotPayloadMax);

std::string encode(const DurableState& state) {
  Encoder out;
  out.u64(state.index.value);
  out.u64(state.term.value);
  out.u32(state.page_bytes);
  out.u32(state.wal_salt1);
  out.u32(state.wal_salt2);
  out.u64(state.wal_frames);
  out.i64(state.last_insert_id);
  out.i64(state.rows_affected);
  out.string(state.image_membership);
  out.boolean(state.installing);
  out.u8(state.sums_file);
  return out.take();
}

Result<DurableState> decode(std::string_view bytes) {
  Decoder in(bytes);
  DurableState state;
  state.index.value = in.u64();
  state.term.value = in.u64();
  state.page_bytes = in.u32();
  state.wal_salt1 = in.u32();
  state.wal_salt2 = in.u32();
  state.wal_frames = in.u64();
  state.last_insert_id = in.i64();
  state.rows_affected = in.i64();
  state.image_membership = in.string();
  state.installing = in.boolean();
  state.sums_file = in.u8();
  if (!in.complete() || state.sums_file > 1)
    return fail(Errc::corrupt, "manifest: malformed state");
  return state;
}

}  // namespace

struct Manifest::State {
  Slots slots;
  std::optional<DurableState> current;
};

Manifest::Manifest(std::unique_ptr<State> state) : state_(std::move(state)) {}
Manifest::~Manifest() = default;

Result<std::unique_ptr<Manifest>> Manifest::open(env::Disk& disk) {
  TRY_ASSIGN(Slots slots, Slots::open(disk, std::string(kName), {kMagic}, {}));
  std::optional<DurableState> current;
  if (!slots.payload().empty()) {
    TRY_ASSIGN(current, decode(slots.payload()));
  }
  TRY(slots.settle(disk));
  return std::unique_ptr<Manifest>(
      new Manifest(std::make_unique<State>(State{std::move(slots), current})));
}

const std::optional<DurableState>& Manifest::current() const {
  return state_->current;
}

Status Manifest::store(const DurableState& state) {
  CHECK(state.sums_file <= 1);
  TRY(state_->slots.store(encode(state)));
  state_->current = state;
  return {};
}

}  // namespace lockstep::storage
