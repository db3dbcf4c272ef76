#include "storage/log_replay.h"

#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"
#include "storage/log_replayer.h"

namespace lockstep::storage {

std::unexpected<Error> Replayer::corrupt(const std::string& why) const {
  return fail(Errc::corrupt, segment_name(segment().header.sequence) + ": offset " +
                                 std::to_string(segment().used_bytes) + ", batch " +
                                 std::to_string(out_.map.chain().number + 1) + ": " + why);
}

Result<Replayed> Replayer::run() {
  TRY_ASSIGN(LogFolder folder, read_log_folder(disk_));
  files_ = std::move(folder.segments);
  out_.leftovers = std::move(folder.leftovers);
  out_.spares = std::move(folder.spares);
  Status done = read_segments();
  if (done) done = finish();
  if (!done && done.error().code == Errc::corrupt)
    out_.damage = std::move(done).error();
  else if (!done)
    return std::unexpected(std::move(done).error());
  return std::move(out_);
}

Status Replayer::read_segments() {
  while (next_ < files_.size() && !cut_here_) TRY(read_segment(files_[next_++]));
  return {};
}

Status Replayer::finish() {
  auto part = out_.segments.begin();
  for (const SegmentFile& at : files_) {
    if (part != out_.segments.end() && part->header.sequence == at.sequence)
      ++part;
    else
      out_.leftovers.push_back(segment_name(at.sequence));
  }
  if (out_.segments.empty()) return {};
  auto& recovered = out_.recovered;
  recovered.base = out_.map.base();
  if (const auto bytes = out_.map.membership_at(recovered.base.index); !bytes.empty()) {
    TRY_ASSIGN(recovered.base_membership, raft::decode_membership(bytes));
  }
  return {};
}

const SegmentHeader* Replayer::next_header() const {
  if (next_ == files_.size() || next_ == 0) return nullptr;
  const SegmentFile& next = files_[next_];
  return next.header && next.sequence == files_[next_ - 1].sequence + 1 ? &*next.header : nullptr;
}

Status Replayer::read_segment(SegmentFile& at) {
  const std::string name = segment_name(at.sequence);
  if (!at.header && at.header.error().code == Errc::invalid)
    return fail(Errc::invalid, name + ": offset 0: " + at.header.error().text);
  // Segments are dropped from the front, one durable removal after the other, so a gap is a file
  // that somebody else took away. It may be one without batches that replay itself gave up.
  const bool gap = !out_.segments.empty() && files_[next_ - 2].sequence + 1 != at.sequence;
  if (gap && (!at.header || at.header->chain != out_.map.chain())) {
    --next_;
    return begin_later(
        {Errc::corrupt, segment_name(files_[next_ - 1].sequence + 1) + " is missing"});
  }
  bytes_.resize(at.bytes);
  TRY(env::read_exactly(*at.file, 0, bytes_));
  if (!at.header) {
    auto derived = derive_header();
    if (!derived) return lose_segment(at);
    derived->sequence = at.sequence;
    at.header = std::move(*derived);
    out_.mended.push_back(at.sequence);
  }
  TRY(join(*at.header));
  const std::uint64_t used_bytes = segment_header_bytes(*at.header);
  out_.segments.push_back({*at.header, std::move(at.file), at.bytes, used_bytes, {}});
  return walk();
}

void Replayer::start(const SegmentHeader& header, bool membership_lost) {
  out_.map.start(header);
  out_.membership_lost = membership_lost;
  out_.recovered = {};
  last_term_ = header.previous.term;
  out_.tail.reset();
}

// Does the segment follow what was read so far?
Status Replayer::join(const SegmentHeader& header) {
  if (out_.segments.empty()) {
    start(header, false);
    return {};
  }
  const ChainLink chain = out_.map.chain();
  const bool follows = std::exchange(overridden_, false) ? header.chain.number > chain.number
                                                         : header.chain == chain;
  if (!follows || header.previous.index > out_.map.last().index)
    return fail(Errc::corrupt,
                segment_name(header.sequence) + ": offset 0: does not follow the segment before");
  out_.tail.reset();
  TRY(cut_recovered(header.previous));
  out_.map.continue_with(header);
  last_term_ = header.previous.term;
  return {};
}

// Precondition: index <= last. Nothing below the base is known.
std::optional<Term> Replayer::term_at(LogIndex index) const {
  const raft::Position& base = out_.map.base();
  if (index < base.index) return std::nullopt;
  if (index == base.index) return base.term;
  CHECK(index - base.index <= out_.recovered.terms.size());
  return out_.recovered.terms[index - base.index - 1];
}

Status Replayer::cut_recovered(raft::Position previous) {
  auto& recovered = out_.recovered;
  if (term_at(previous.index).value_or(previous.term) != previous.term)
    return corrupt("the next segment names another term for entry " + to_string(previous.index));
  const raft::Position& base = out_.map.base();
  const std::uint64_t kept = previous.index > base.index ? previous.index - base.index : 0;
  recovered.terms.resize(kept);
  recovered.sizes.resize(kept);
  while (!recovered.memberships.empty() && recovered.memberships.back().first > previous.index)
    recovered.memberships.pop_back();
  return {};
}

Status Replayer::walk() {
  for (;;) {
    stopped_by_ = Found::nothing;
    stop_reason_.clear();
    broken_.reset();
    if (segment().used_bytes + kBlockBytes <= bytes_.size()) {
      TRY_ASSIGN(stopped_by_, take_batch());
    }
    if (stopped_by_ == Found::batch) continue;
    // The end, a torn batch, or damage?
    if (!lost_here()) {
      note_tail();
      return {};
    }
    if (LOCKSTEP_BUG(middle_corruption_cut)) {
      out_.tail = Tail{.offset = segment().used_bytes, .begun_here = true, .torn = true};
      cut_here_ = true;
      return {};
    }
    TRY_ASSIGN(const bool go_on, pass_over());
    if (!go_on) return {};
  }
}

Result<Replayer::Found> Replayer::take_batch() {
  const std::uint64_t offset = segment().used_bytes;
  const auto here = std::string_view(bytes_).substr(offset);
  const auto header = decode_batch_header(here);
  const bool is_header = header || header.error().code == Errc::invalid;
  // Left over from an earlier use of the file.
  if (is_header && salt_of_batch(here) != segment().header.salt) return Found::nothing;
  if (!header) {
    if (is_header)
      return fail(Errc::invalid,
                  segment_name(segment().header.sequence) + ": " + header.error().text);
    stop_reason_ = header.error().text;
    const bool zeros = here.substr(0, kBlockBytes).find_first_not_of('\0') == here.npos;
    return zeros ? Found::nothing : Found::damage;
  }
  const BatchContext context{last_term_, segment().membership};
  if (header->number != out_.map.chain().number + 1 || header->chain != out_.map.chain().checksum ||
      header->first != out_.map.last().index.next() || header->context != context) {
    stop_reason_ = "another batch stands here";
    return Found::stranger;
  }
  const bool whole = offset + batch_bytes(*header) <= bytes_.size();
  const bool intact = whole && body_is_intact(*header, here);
  const bool accepted_torn = LOCKSTEP_BUG(torn_tail_accepted) && whole && !intact &&
                             !any_batch(bytes_, offset + kBlockBytes, header->salt);
  if (!intact && !accepted_torn) {
    stop_reason_ = whole ? "body checksum mismatch" : "the file ends in its body";
    broken_ = *header;
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

Status Replayer::take_entries(const BatchHeader& header, const std::vector<EntryView>& entries) {
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
    segment().membership = entry.index;
  }
  CHECK(entries.size() == header.count);
  return {};
}

// No batch was completed here. The block may hold a torn one, or what an earlier use of the file
// left; only the salt, which nobody outside knows, proves that this segment's writer was here.
void Replayer::note_tail() {
  if (stopped_by_ != Found::damage) return;
  const auto here = std::string_view(bytes_).substr(segment().used_bytes);
  const bool salted = salt_of_batch(here) == segment().header.salt;
  out_.tail = Tail{.offset = segment().used_bytes,
                   .begun_here = salted,
                   .torn = salted || here.starts_with(kBatchMagic)};
}

namespace {

Status rewrite_last_batch(const Replayed& replayed) {
  if (!replayed.map.has_batches()) return {};
  const BatchPlace& place = replayed.map.last_batch();
  const Segment& segment = replayed.segments.back();
  if (place.sequence != segment.header.sequence) return {};
  std::string bytes(batch_bytes(place.header), '\0');
  TRY(env::read_exactly(*segment.file, place.offset, bytes));
  return segment.file->write(place.offset, bytes);
}

Status settle_tail(const Replayed& replayed) {
  env::File& file = *replayed.segments.back().file;
  // Without its header the rest of a torn batch can never be taken for one again.
  const auto& tail = replayed.tail;
  if (tail) TRY(file.write(tail->offset, std::string(kBlockBytes, '\0')));
  // A batch is begun only after the sync of the one before returned.
  if (!tail || !tail->begun_here) TRY(rewrite_last_batch(replayed));
  return file.sync();
}

}  // namespace

Result<Replayed> replay_log(env::Disk& disk, const Covered& durable) {
  return Replayer(disk, durable).run();
}

Status settle(env::Disk& disk, const Replayed& replayed) {
  CHECK(!replayed.damage);
  if (!replayed.segments.empty()) TRY(settle_tail(replayed));
  // After the tail: a mended header says that the first batch is durable.
  for (const Segment& segment : replayed.segments) {
    if (std::ranges::find(replayed.mended, segment.header.sequence) == replayed.mended.end())
      continue;
    TRY(segment.file->write(0, encode_segment_header(segment.header)));
    TRY(segment.file->sync());
  }
  for (const auto& name : replayed.leftovers) TRY(disk.remove(name));
  return disk.sync_dir();
}

}  // namespace lockstep::storage
