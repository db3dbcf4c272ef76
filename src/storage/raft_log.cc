#include "storage/raft_log.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"
#include "base/rng.h"
#include "storage/log_format.h"
#include "storage/log_map.h"
#include "storage/log_replay.h"
#include "storage/segment.h"

namespace lockstep::storage {

struct RaftLog::State {
  State(env::Disk& d, const LogOptions& o)
      : disk(d), segment_bytes(o.segment_bytes), salts(Rng(o.seed).derive("segment salts")) {}

  // The segment holding the batch.
  [[nodiscard]] const Segment& segment_of(const BatchPlace& place) const {
    return segments[place.sequence - segments.front().header.sequence];
  }
  [[nodiscard]] Result<raft::Position> position_at(LogIndex index) const;
  [[nodiscard]] Result<std::string> read_batch(const BatchPlace& place) const;
  Status append_in_place(const raft::Write& write);
  Status append_in_new_segment(const raft::Write& write, raft::Position previous);
  void note_batch(const raft::Write& write, std::uint64_t offset, std::string_view bytes);
  Status start_segment(const SegmentHeader& header, std::string_view batch);
  Status final_failure(const Error& error);

  env::Disk& disk;
  std::uint64_t segment_bytes;
  Rng salts;
  LogMap map;
  std::deque<Segment> segments;  // consecutive sequences; the last one is appended to
  bool failed = false;           // a write or sync failed: what is on the disk is unknown
};

RaftLog::RaftLog(std::unique_ptr<State> state) : state_(std::move(state)) {}
RaftLog::~RaftLog() = default;

Result<RaftLog::Opened> RaftLog::open(env::Disk& disk, const LogOptions& options) {
  CHECK(options.segment_bytes > 0);
  CHECK(options.segment_bytes % kBlockBytes == 0);
  TRY_ASSIGN(Replayed replayed, replay_log(disk));
  TRY(settle(disk, replayed));
  auto state = std::make_unique<State>(disk, options);
  const bool created = replayed.segments.empty();
  if (created) {
    SegmentHeader first;
    first.sequence = 1;
    first.salt = state->salts.next();
    TRY(state->start_segment(first, {}));
    state->map.start(first);
  } else {
    state->map = std::move(replayed.map);
    state->segments = std::move(replayed.segments);
  }
  Opened opened;
  opened.log.reset(new RaftLog(std::move(state)));
  opened.recovered = std::move(replayed.recovered);
  opened.torn_tail_cut = replayed.torn_at.has_value();
  opened.created = created;
  return opened;
}

Status RaftLog::State::final_failure(const Error& error) {
  failed = true;
  // no_space would promise that nothing happened.
  return fail(error.code == Errc::no_space ? Errc::io : error.code, "raft log: " + error.text);
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
  const std::uint64_t bytes = encoded_batch_bytes(write.entries);
  const Segment& active = s.segments.back();
  if (!truncates && active.used_bytes + bytes <= active.file_bytes) return s.append_in_place(write);
  return s.append_in_new_segment(write, previous);
}

Status RaftLog::State::append_in_place(const raft::Write& write) {
  Segment& active = segments.back();
  const std::string bytes = encode_batch(map.chain(), active.header.salt, write.entries);
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
  header.salt = salts.next();
  header.previous = previous;
  header.chain = map.chain();
  header.membership = map.membership_at(previous.index);
  const std::string batch =
      write.entries.empty() ? "" : encode_batch(map.chain(), header.salt, write.entries);
  TRY(start_segment(header, batch));
  map.continue_with(header);
  if (!batch.empty()) note_batch(write, segment_header_bytes(header), batch);
  return {};
}

Status RaftLog::State::start_segment(const SegmentHeader& header, std::string_view batch) {
  bool renaming = false;
  auto segment = create_segment(
      disk, {.header = header, .batch = batch, .file_bytes = segment_bytes}, renaming);
  if (!segment) {
    // Before the rename nothing of it is part of the log.
    if (segment.error().code == Errc::no_space && !renaming)
      return fail(Errc::no_space, "raft log: " + segment.error().text);
    return final_failure(segment.error());
  }
  segments.push_back(std::move(*segment));
  return {};
}

void RaftLog::State::note_batch(const raft::Write& write, std::uint64_t offset,
                                std::string_view bytes) {
  const auto header = decode_batch_header(bytes);
  CHECK(header.has_value());
  map.add_batch({header->first, segments.back().header.sequence, offset, *header},
                write.entries.back().term);
  for (const auto& entry : write.entries)
    if (entry.kind == raft::EntryKind::config)
      map.add_membership(entry.index, entry.payload.view());
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
  const State& s = *state_;
  CHECK(first < end);
  CHECK(first > s.map.base().index);
  CHECK(end <= s.map.last().index.next());
  std::vector<raft::Entry> out;
  std::uint64_t total = 0;
  for (std::size_t i = s.map.batch_of(first); first < end; ++i) {
    const BatchPlace& place = s.map.batch(i);
    TRY_ASSIGN(const std::string bytes, s.read_batch(place));
    TRY_ASSIGN(const auto entries, decode_body(place.header, bytes));
    for (const LogIndex stop = std::min(end, s.map.batch_end(i)); first < stop;
         first = first.next()) {
      const EntryView& entry = entries[first - place.first];
      total += entry.payload.size();
      if (!out.empty() && total > bytes_max) return out;
      out.push_back({entry.term, entry.index, entry.kind,
                     entry.payload.empty() ? Blob() : Blob(std::string(entry.payload))});
    }
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
    const std::string name = segment_name(s.segments.front().header.sequence);
    // One after the other: a crash must not leave a gap, which replay takes for a lost file.
    auto removed = s.disk.remove(name);
    if (removed) removed = s.disk.sync_dir();
    if (!removed) return s.final_failure(removed.error());
    s.segments.pop_front();
    dropped = true;
  }
  if (dropped) s.map.drop_before(s.segments.front().header);
  return {};
}

}  // namespace lockstep::storage
