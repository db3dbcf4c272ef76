#include "storage/log_replay.h"

#include <utility>

#include "base/bugs.h"
#include "base/check.h"

namespace lockstep::storage {
namespace {

// What stands where the next batch would.
enum class Found { batch, nothing, damage };

class Replay {
 public:
  explicit Replay(env::Disk& disk) : disk_(disk) {}
  Result<Replayed> run();

 private:
  Status read_segment(std::uint64_t sequence);
  Status join(const SegmentHeader& header);
  Status cut_recovered(raft::Position previous);
  Status walk(std::string_view bytes);
  Result<Found> take_batch(std::string_view bytes);
  Status take_entries(const BatchHeader& header, const std::vector<EntryView>& entries);
  [[nodiscard]] bool later_batch_exists(std::string_view bytes) const;
  Status check_tail(std::string_view bytes);
  Status damaged();
  [[nodiscard]] std::unexpected<Error> corrupt(const std::string& why) const;
  Segment& segment() { return out_.segments.back(); }

  env::Disk& disk_;
  Replayed out_;
  Term last_term_;
  Found stopped_by_ = Found::nothing;
  std::string stop_reason_;
  bool cut_here_ = false;  // only with the bug middle_corruption_cut
};

std::unexpected<Error> Replay::corrupt(const std::string& why) const {
  const Segment& at = out_.segments.back();
  return fail(Errc::corrupt, segment_name(at.header.sequence) + ": offset " +
                                 std::to_string(at.used_bytes) + ", batch " +
                                 std::to_string(out_.map.chain().number + 1) + ": " + why);
}

// The batch at the stop was complete once; what the disk shows now is not what was written.
Status Replay::damaged() {
  if (LOCKSTEP_BUG(middle_corruption_cut)) {
    out_.torn_at = segment().used_bytes;
    cut_here_ = true;
    return {};
  }
  return corrupt("damaged, but written completely: " +
                 (stop_reason_.empty() ? "nothing is there" : stop_reason_));
}

Result<Replayed> Replay::run() {
  TRY_ASSIGN(const auto names, disk_.list());
  for (const auto& name : names) {
    if (is_unfinished_segment(name)) out_.leftovers.push_back(name);
    const auto sequence = segment_sequence(name);
    if (!sequence) continue;
    if (cut_here_) {
      out_.leftovers.push_back(name);
      continue;
    }
    // Names sort by sequence. Segments are dropped from the front, one durable removal after the
    // other, so a gap is a file that somebody else took away.
    if (!out_.segments.empty() && *sequence != segment().header.sequence + 1)
      return fail(Errc::corrupt, segment_name(segment().header.sequence + 1) + " is missing");
    TRY(read_segment(*sequence));
    // A segment that the bug has cut away is not part of the log.
    if (cut_here_ && segment().header.sequence != *sequence) out_.leftovers.push_back(name);
  }
  if (!out_.segments.empty()) {
    auto& recovered = out_.recovered;
    recovered.base = out_.map.base();
    if (const auto bytes = out_.map.membership_at(recovered.base.index); !bytes.empty()) {
      TRY_ASSIGN(recovered.base_membership, raft::decode_membership(bytes));
    }
  }
  return std::move(out_);
}

Status Replay::read_segment(std::uint64_t sequence) {
  const std::string name = segment_name(sequence);
  TRY_ASSIGN(auto file, disk_.open(name, env::OpenMode::existing));
  TRY_ASSIGN(const std::uint64_t size, file->size());
  std::string bytes(size, '\0');
  TRY(env::read_exactly(*file, 0, bytes));
  auto header = decode_segment_header(bytes);
  if (!header) return fail(header.error().code, name + ": offset 0: " + header.error().text);
  if (header->sequence != sequence)
    return fail(Errc::corrupt, name + ": offset 0: header of another segment");
  if (segment_header_bytes(*header) > size)
    return fail(Errc::corrupt, name + ": file ends in its header");

  TRY(join(*header));
  if (cut_here_) return {};
  const std::uint64_t start = segment_header_bytes(*header);
  out_.segments.push_back({std::move(*header), std::move(file), size, start});
  TRY(walk(bytes));
  return check_tail(bytes);
}

// Does the segment follow what was read so far?
Status Replay::join(const SegmentHeader& header) {
  if (out_.segments.empty()) {
    out_.map.start(header);
    last_term_ = header.previous.term;
    return {};
  }
  if (header.chain.number > out_.map.chain().number) return damaged();
  const std::string name = segment_name(header.sequence);
  if (header.chain != out_.map.chain() || header.previous.index > out_.map.last().index)
    return fail(Errc::corrupt, name + ": offset 0: does not follow the segment before");
  out_.torn_at.reset();
  TRY(cut_recovered(header.previous));
  out_.map.continue_with(header);
  last_term_ = header.previous.term;
  return {};
}

Status Replay::cut_recovered(raft::Position previous) {
  auto& recovered = out_.recovered;
  const raft::Position base = out_.map.base();
  const std::uint64_t kept = previous.index > base.index ? previous.index - base.index : 0;
  CHECK(kept <= recovered.terms.size());
  const Term known = kept > 0 ? recovered.terms[kept - 1] : base.term;
  if (previous.index >= base.index && previous.term != known)
    return corrupt("the next segment names another term for entry " + to_string(previous.index));
  recovered.terms.resize(kept);
  recovered.sizes.resize(kept);
  while (!recovered.memberships.empty() && recovered.memberships.back().first > previous.index)
    recovered.memberships.pop_back();
  return {};
}

Status Replay::walk(std::string_view bytes) {
  stopped_by_ = Found::nothing;
  stop_reason_.clear();
  while (segment().used_bytes + kBlockBytes <= bytes.size()) {
    TRY_ASSIGN(stopped_by_, take_batch(bytes));
    if (stopped_by_ != Found::batch) return {};
  }
  stopped_by_ = Found::nothing;
  return {};
}

Result<Found> Replay::take_batch(std::string_view bytes) {
  const std::uint64_t offset = segment().used_bytes;
  const auto here = bytes.substr(offset);
  const auto header = decode_batch_header(here);
  if (!header) {
    if (header.error().code == Errc::invalid)
      return fail(Errc::invalid,
                  segment_name(segment().header.sequence) + ": " + header.error().text);
    stop_reason_ = header.error().text;
    const bool zeros = here.substr(0, kBlockBytes).find_first_not_of('\0') == here.npos;
    return zeros ? Found::nothing : Found::damage;
  }
  // Left over from an earlier use of the file.
  if (header->salt != segment().header.salt) return Found::nothing;
  if (header->number != out_.map.chain().number + 1 || header->chain != out_.map.chain().checksum ||
      header->first != out_.map.last().index.next())
    return corrupt("another batch stands here");
  const bool whole = offset + batch_bytes(*header) <= bytes.size();
  const bool intact = whole && body_is_intact(*header, here);
  const bool accepted_torn =
      LOCKSTEP_BUG(torn_tail_accepted) && whole && !intact && !later_batch_exists(bytes);
  if (!intact && !accepted_torn) {
    stop_reason_ = whole ? "body checksum mismatch" : "the file ends in its body";
    return Found::damage;
  }
  const auto entries = decode_body(*header, here);
  if (!entries && accepted_torn) return Found::damage;
  if (!entries) return corrupt(entries.error().text);
  TRY(take_entries(*header, *entries));
  out_.map.add_batch({header->first, segment().header.sequence, offset, *header, intact},
                     last_term_);
  segment().used_bytes += batch_bytes(*header);
  return Found::batch;
}

Status Replay::take_entries(const BatchHeader& header, const std::vector<EntryView>& entries) {
  auto& recovered = out_.recovered;
  for (const EntryView& entry : entries) {
    if (entry.term < last_term_) return corrupt("terms go back");
    last_term_ = entry.term;
    recovered.terms.push_back(entry.term);
    recovered.sizes.push_back(static_cast<std::uint32_t>(entry.payload.size()));
    if (entry.kind != raft::EntryKind::config) continue;
    auto membership = raft::decode_membership(entry.payload);
    if (!membership) return corrupt("entry " + to_string(entry.index) + ": bad membership");
    recovered.memberships.emplace_back(entry.index, std::move(*membership));
    out_.map.add_membership(entry.index, entry.payload);
  }
  CHECK(entries.size() == header.count);
  return {};
}

// A batch is written only after the sync of the one before returned.
bool Replay::later_batch_exists(std::string_view bytes) const {
  const Segment& at = out_.segments.back();
  for (std::uint64_t offset = at.used_bytes + kBlockBytes; offset + kBlockBytes <= bytes.size();
       offset += kBlockBytes) {
    const auto header = decode_batch_header(bytes.substr(offset, kBatchHeaderBytes));
    if (!header && header.error().code == Errc::invalid) return true;
    // Whatever its number: none can have been put here before the missing one was durable.
    if (header && header->salt == at.header.salt) return true;
  }
  return false;
}

// Where the walk stopped: the end, a torn batch, or damage? (That a later segment knows of more
// batches, join() will see.)
Status Replay::check_tail(std::string_view bytes) {
  const Segment& at = segment();
  if (at.used_bytes < at.header.sealed || later_batch_exists(bytes)) return damaged();
  if (stopped_by_ == Found::damage) out_.torn_at = at.used_bytes;
  return {};
}

Status rewrite_last_batch(const Replayed& replayed) {
  if (!replayed.map.has_batches()) return {};
  const BatchPlace& place = replayed.map.last_batch();
  const Segment& segment = replayed.segments.back();
  if (place.sequence != segment.header.sequence) return {};
  std::string bytes(batch_bytes(place.header), '\0');
  TRY(env::read_exactly(*segment.file, place.offset, bytes));
  return segment.file->write(place.offset, bytes);
}

}  // namespace

Result<Replayed> replay_log(env::Disk& disk) {
  return Replay(disk).run();
}

Status settle(env::Disk& disk, const Replayed& replayed) {
  if (!replayed.segments.empty()) {
    env::File& file = *replayed.segments.back().file;
    if (replayed.torn_at) {
      // Without its header the rest of the torn batch can never be taken for one again.
      TRY(file.write(*replayed.torn_at, std::string(kBlockBytes, '\0')));
    } else {
      TRY(rewrite_last_batch(replayed));
    }
    TRY(file.sync());
  }
  for (const auto& name : replayed.leftovers) TRY(disk.remove(name));
  return disk.sync_dir();
}

}  // namespace lockstep::storage
