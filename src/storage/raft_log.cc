#include "storage/raft_log.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"
#include "base/codec.h"
#include "base/hash.h"
#include "base/rng.h"
#include "storage/batch_cache.h"
#include "storage/log_format.h"
#include "storage/log_map.h"
#include "storage/log_replay.h"
#include "storage/segment.h"

namespace lockstep::storage {
namespace {

// As segment headers hold it: nothing at all for an empty one.
std::string encoded(const raft::Membership& membership) {
  return membership == raft::Membership{} ? std::string() : raft::encode(membership);
}

// Two segments never share a salt, not even if two starts share a seed: batches of the one would
// pass for the other's on a file that both have used.
std::uint64_t salt_of(const SegmentHeader& header, std::uint64_t draw) {
  Encoder place;
  place.u64(header.sequence);
  place.u64(header.previous.index.value);
  place.u64(header.previous.term.value);
  place.u64(header.chain.number);
  place.u64(header.chain.checksum);
  return hash64(place.view(), draw);
}

}  // namespace

struct RaftLog::State {
  State(env::Disk& d, const LogOptions& o)
      : disk(d),
        segment_bytes(o.segment_bytes),
        salts(Rng(o.seed).derive("segment salts")),
        spares(d, o.segment_bytes) {}

  [[nodiscard]] const Segment& segment_of(const BatchPlace& place) const;
  [[nodiscard]] Result<raft::Position> position_at(LogIndex index) const;
  [[nodiscard]] Result<std::string> read_batch(const BatchPlace& place) const;
  [[nodiscard]] Result<std::shared_ptr<const DecodedBatch>> decoded(const BatchPlace& place) const;
  Status append_in_place(const raft::Write& write);
  Status append_in_new_segment(const raft::Write& write, raft::Position previous);
  void note_batch(const raft::Write& write, std::uint64_t offset, std::string_view bytes);
  Status start_segment(const SegmentHeader& header, std::string_view batch);
  Status begin_anew(raft::Position at, std::string membership, const raft::Write& write);
  Status retire_front();
  Status final_failure(const Error& error);
  // Whether a log that then ends at `last` could be opened again.
  Status check_room(LogIndex last);

  env::Disk& disk;
  std::uint64_t segment_bytes;
  Rng salts;
  LogMap map;
  BatchCache cache;
  std::deque<Segment> segments;  // ascending sequences; the last one is appended to
  Spares spares;
  bool failed = false;  // a write or sync failed: what is on the disk is unknown
};

RaftLog::RaftLog(std::unique_ptr<State> state) : state_(std::move(state)) {}
RaftLog::~RaftLog() = default;

Result<RaftLog::Opened> RaftLog::open(env::Disk& disk, const LogOptions& options) {
  CHECK(options.segment_bytes > 0);
  CHECK(options.segment_bytes % kBlockBytes == 0);
  TRY_ASSIGN(Replayed replayed, replay_log(disk, options.durable));
  if (replayed.damage) return std::unexpected(std::move(*replayed.damage));
  auto state = std::make_unique<State>(disk, options);
  const bool created = replayed.segments.empty();
  auto& leftovers = replayed.leftovers;
  if (created) {
    // Whoever took the log away did not mean the spares to tell of it.
    leftovers.insert(leftovers.end(), replayed.spares.begin(), replayed.spares.end());
  } else {
    TRY_ASSIGN(const auto others, state->spares.adopt(replayed.spares));
    leftovers.insert(leftovers.end(), others.begin(), others.end());
  }
  TRY(settle(disk, replayed));
  if (created) {
    SegmentHeader first;
    first.sequence = 1;
    first.salt = salt_of(first, state->salts.next());
    TRY(state->start_segment(first, {}));
    state->map.start(first);
  } else {
    state->map = std::move(replayed.map);
    state->segments = std::move(replayed.segments);
  }
  Opened opened;
  opened.log.reset(new RaftLog(std::move(state)));
  opened.recovered = std::move(replayed.recovered);
  opened.torn_tail_cut = replayed.tail && replayed.tail->torn;
  opened.created = created;
  if (replayed.membership_lost) TRY(opened.log->begin_at_image(options.durable, opened.recovered));
  return opened;
}

// What follows the image's last entry may be promised and is kept; but if another entry stands
// there, the log is not one that leads on from the image.
Status RaftLog::begin_at_image(const Covered& image, raft::Recovered& recovered) {
  State& s = *state_;
  TRY_ASSIGN(auto membership, raft::decode_membership(image.membership));
  CHECK(image.index >= s.map.base().index);
  std::uint64_t gone = recovered.terms.size();
  raft::Write kept;
  if (image.index <= s.map.last().index) {
    TRY_ASSIGN(const raft::Position there, s.position_at(image.index));
    if (there.term == image.term) gone = image.index - s.map.base().index;
  }
  if (gone < recovered.terms.size()) {
    TRY_ASSIGN(kept.entries, read(image.index.next(), s.map.last().index.next(), UINT64_MAX));
  }
  const auto drop = [gone](auto& list) {
    list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(gone));
  };
  drop(recovered.terms);
  drop(recovered.sizes);
  std::erase_if(recovered.memberships, [&](const auto& each) {
    return each.first <= image.index || kept.entries.empty();
  });
  recovered.base = {image.index, image.term};
  recovered.base_membership = std::move(membership);
  return s.begin_anew(recovered.base, image.membership, kept);
}

const Segment& RaftLog::State::segment_of(const BatchPlace& place) const {
  const auto at = std::ranges::lower_bound(segments, place.sequence, {},
                                           [](const Segment& s) { return s.header.sequence; });
  CHECK(at != segments.end());
  CHECK(at->header.sequence == place.sequence);
  return *at;
}

Status RaftLog::State::final_failure(const Error& error) {
  failed = true;
  // no_space would promise that nothing happened.
  return fail(error.code == Errc::no_space ? Errc::io : error.code, "raft log: " + error.text);
}

Status RaftLog::State::check_room(LogIndex last) {
  if (last.value <= kLogCounterMax && map.chain().number < kLogCounterMax &&
      segments.back().header.sequence < kLogCounterMax)
    return {};
  return final_failure({Errc::invalid, "its indexes or batch numbers are used up"});
}

Status RaftLog::append(const raft::Write& write) {
  State& s = *state_;
  if (s.failed) return fail(Errc::io, "raft log: an earlier write failed");
  const bool truncates = write.truncate_after && *write.truncate_after < s.map.last().index;
  if (!truncates && write.entries.empty()) return {};
  raft::Position previous = s.map.last();
  if (truncates) {
    CHECK(*write.truncate_after >= s.map.base().index);
    auto at = s.position_at(*write.truncate_after);
    if (!at) return s.final_failure(at.error());
    previous = *at;
  }
  LogIndex next = previous.index.next();
  Term term = previous.term;
  for (const auto& entry : write.entries) {
    CHECK(entry.index == next);
    CHECK(entry.term >= term);
    next = next.next();
    term = entry.term;
  }
  TRY(s.check_room(previous.index + write.entries.size()));
  const std::uint64_t bytes = encoded_batch_bytes(write.entries);
  const Segment& active = s.segments.back();
  if (!truncates && active.used_bytes + bytes <= active.file_bytes) return s.append_in_place(write);
  return s.append_in_new_segment(write, previous);
}

Status RaftLog::State::append_in_place(const raft::Write& write) {
  Segment& active = segments.back();
  const BatchContext context{map.last().term, active.membership};
  const std::string bytes = encode_batch(map.chain(), active.header.salt, write.entries, context);
  const std::uint64_t offset = active.used_bytes;
  if (const auto written = active.file->write(offset, bytes); !written)
    return final_failure(written.error());
  const auto synced = active.file->sync();
  if (!synced && !LOCKSTEP_BUG(sync_error_ignored)) return final_failure(synced.error());
  active.used_bytes += bytes.size();
  note_batch(write, offset, bytes);
  return {};
}

// Header and batch become durable together, by the rename: a truncation and what replaces the cut
// entries are one step, whatever crashes.
Status RaftLog::State::append_in_new_segment(const raft::Write& write, raft::Position previous) {
  SegmentHeader header;
  header.sequence = segments.back().header.sequence + 1;
  header.previous = previous;
  header.chain = map.chain();
  header.salt = salt_of(header, salts.next());
  header.membership = map.membership_at(previous.index);
  const std::string batch =
      write.entries.empty()
          ? ""
          : encode_batch(map.chain(), header.salt, write.entries, {previous.term, {}});
  TRY(start_segment(header, batch));
  map.continue_with(header);
  if (!batch.empty()) note_batch(write, segment_header_bytes(header), batch);
  return {};
}

Status RaftLog::State::start_segment(const SegmentHeader& header, std::string_view batch) {
  const std::string spare = spares.find(segment_header_bytes(header) + batch.size());
  bool renaming = false;
  auto segment = create_segment(
      disk, {.header = header, .batch = batch, .file_bytes = segment_bytes, .spare = spare},
      renaming);
  if (!segment) {
    // Before the rename nothing of it is part of the log.
    if (segment.error().code == Errc::no_space && !renaming)
      return fail(Errc::no_space, "raft log: " + segment.error().text);
    return final_failure(segment.error());
  }
  if (!spare.empty()) spares.taken();
  segments.push_back(std::move(*segment));
  return {};
}

void RaftLog::State::note_batch(const raft::Write& write, std::uint64_t offset,
                                std::string_view bytes) {
  const auto header = decode_batch_header(bytes);
  CHECK(header.has_value());
  map.add_batch({header->first, segments.back().header.sequence, offset, *header},
                write.entries.back().term);
  for (const auto& entry : write.entries) {
    if (entry.kind != raft::EntryKind::config) continue;
    map.add_membership(entry.index, entry.payload.view());
    segments.back().membership = entry.index;
  }
}

// The batch's bytes, certainly those that were appended.
Result<std::string> RaftLog::State::read_batch(const BatchPlace& place) const {
  const Segment& segment = segment_of(place);
  std::string bytes(kBatchHeaderBytes + place.header.body_bytes, '\0');
  TRY(env::read_exactly(*segment.file, place.offset, bytes));
  const auto header = decode_batch_header(bytes);
  const bool right = header && header->checksum == place.header.checksum &&
                     (body_is_intact(*header, bytes) || !place.checked);
  if (!right)
    return fail(Errc::corrupt, segment_name(segment.header.sequence) + ": offset " +
                                   std::to_string(place.offset) + ", batch " +
                                   std::to_string(place.header.number) +
                                   ": damaged since it was written");
  return bytes;
}

Result<std::shared_ptr<const DecodedBatch>> RaftLog::State::decoded(const BatchPlace& place) const {
  if (auto known = cache.find(place)) return known;
  auto batch = std::make_shared<DecodedBatch>();
  TRY_ASSIGN(batch->bytes, read_batch(place));
  TRY_ASSIGN(batch->entries, decode_body(place.header, batch->bytes));
  return batch;
}

Result<raft::Position> RaftLog::State::position_at(LogIndex index) const {
  if (index == map.base().index) return map.base();
  if (index == map.last().index) return map.last();
  const BatchPlace& place = map.batch(map.batch_of(index));
  TRY_ASSIGN(const std::string bytes, read_batch(place));
  TRY_ASSIGN(const auto entries, decode_body(place.header, bytes));
  return raft::Position{index, entries[index - place.first].term};
}

Result<std::vector<raft::Entry>> RaftLog::read(LogIndex first, LogIndex end,
                                               std::uint64_t bytes_max) {
  State& s = *state_;
  CHECK(first < end);
  CHECK(first > s.map.base().index);
  CHECK(end <= s.map.last().index.next());
  std::vector<raft::Entry> out;
  std::uint64_t total = 0;
  for (std::size_t i = s.map.batch_of(first); first < end; ++i) {
    const BatchPlace& place = s.map.batch(i);
    TRY_ASSIGN(const auto batch, s.decoded(place));
    const LogIndex batch_end = s.map.batch_end(i);
    for (const LogIndex stop = std::min(end, batch_end); first < stop; first = first.next()) {
      const EntryView& entry = batch->entries[first - place.first];
      total += entry.payload.size();
      if (!out.empty() && total > bytes_max) break;
      out.push_back({entry.term, entry.index, entry.kind,
                     entry.payload.empty() ? Blob() : Blob(std::string(entry.payload))});
    }
    if (first == batch_end) continue;
    s.cache.keep(place, batch);
    break;
  }
  return out;
}

Status RaftLog::drop_through(raft::Position base) {
  State& s = *state_;
  if (s.failed) return fail(Errc::io, "raft log: an earlier write failed");
  bool dropped = false;
  while (s.segments.size() > 1) {
    // The first segment's entries in force end where a later segment starts.
    LogIndex end = s.segments[1].header.previous.index;
    for (std::size_t i = 2; i < s.segments.size(); ++i)
      end = std::min(end, s.segments[i].header.previous.index);
    if (end > base.index) break;
    // One after the other: a crash must not leave a gap, which replay takes for a lost file.
    TRY(s.retire_front());
    if (const auto synced = s.disk.sync_dir(); !synced) return s.final_failure(synced.error());
    dropped = true;
  }
  if (dropped) s.map.drop_before(s.segments.front().header);
  return {};
}

std::optional<SpareAhead> RaftLog::spare_wanted() const {
  const Segment& active = state_->segments.back();
  if (active.used_bytes <= active.file_bytes / 2) return std::nullopt;
  return state_->spares.wanted(active.header.sequence + 1);
}

Status RaftLog::add_spare(const SpareAhead& spare) {
  if (const auto added = state_->spares.add(spare); !added)
    return state_->final_failure(added.error());
  return {};
}

Status RaftLog::State::retire_front() {
  if (const auto retired = spares.retire(segments.front()); !retired)
    return final_failure(retired.error());
  segments.pop_front();
  return {};
}

Status RaftLog::reset(raft::Position at, const raft::Membership& membership) {
  State& s = *state_;
  CHECK(at.index.value > 0);
  if (s.failed) return fail(Errc::io, "raft log: an earlier write failed");
  return s.begin_anew(at, encoded(membership), {});
}

// A header without a batch before it voids all older segments, which then only have to be removed.
// The entries of `write` become durable with it.
Status RaftLog::State::begin_anew(raft::Position at, std::string membership,
                                  const raft::Write& write) {
  TRY(check_room(at.index + write.entries.size()));
  if (encoded_batch_bytes(write.entries) > std::numeric_limits<std::uint32_t>::max())
    return fail(Errc::corrupt, "raft log: too much of it follows the image");
  SegmentHeader header;
  header.sequence = segments.back().header.sequence + 1;
  header.previous = at;
  header.salt = salt_of(header, salts.next());
  header.membership = std::move(membership);
  const std::string batch =
      write.entries.empty() ? "" : encode_batch({}, header.salt, write.entries, {at.term, {}});
  if (LOCKSTEP_BUG(reset_removes_log_first)) {
    while (!segments.empty()) TRY(retire_front());
    if (const auto synced = disk.sync_dir(); !synced) return final_failure(synced.error());
  }
  TRY(start_segment(header, batch));
  map.start(header);
  if (!batch.empty()) note_batch(write, segment_header_bytes(header), batch);
  while (segments.size() > 1) TRY(retire_front());
  if (const auto synced = disk.sync_dir(); !synced) return final_failure(synced.error());
  return {};
}

}  // namespace lockstep::storage
