// Replayer behind damage: what costs nothing is passed over, what peers can heal is named.
#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"
#include "storage/log_replayer.h"

namespace lockstep::storage {

// The walk stopped. Was there more once? A batch is written only after the sync of the one before
// returned, and a segment gets its name only when its first `sealed` bytes are durable.
bool Replayer::lost_here() const {
  const Segment& at = segment();
  if (stopped_by_ == Found::stranger || at.used_bytes < at.header.sealed) return true;
  if (any_batch(bytes_, at.used_bytes + kBlockBytes, at.header.salt)) return true;
  const SegmentHeader* next = next_header();
  return next != nullptr && next->chain.number > out_.map.chain().number;
}

// True: walk on in this segment. False: `next_` is where to go on.
Result<bool> Replayer::pass_over() {
  const SegmentHeader* next = next_header();
  overridden_ = next != nullptr && next->chain.number > out_.map.chain().number &&
                next->previous.index <= out_.map.last().index;
  if (overridden_) return false;
  auto broken = broken_batch();
  if (begin_later_in_segment()) return true;
  const auto why = corrupt("damaged, but written completely: " +
                           (stop_reason_.empty() ? "nothing is there" : stop_reason_));
  out_.broken_batch = std::move(broken);
  TRY(begin_later(why.error()));
  out_.broken_batch.reset();
  return false;
}

void Replayer::image_would_do(LogIndex from) {
  out_.image_from = std::min(from, out_.image_from.value_or(from));
}

std::uint64_t Replayer::behind_missing() const {
  return segment().used_bytes + (broken_ ? batch_bytes(*broken_) : kBlockBytes);
}

bool Replayer::begin_later_in_segment() {
  Segment& at = segment();
  // Above the number of the batch that is missing here: one with its number stands elsewhere.
  const std::uint64_t missing = out_.map.chain().number + 1;
  const auto later = find_batch(bytes_, behind_missing(), at.header.salt, missing);
  if (!later) return false;
  const BatchHeader& batch = later->header;
  const LogIndex previous = batch.first.prev();
  if (previous <= out_.map.last().index) return false;
  image_would_do(previous);
  if (previous > durable_.index) return false;
  SegmentHeader begin;
  begin.previous = {previous, batch.context.previous_term};
  begin.chain = {batch.number - 1, batch.chain};
  // Else a lost entry changed the membership, and nobody but an image says how.
  const bool unchanged = batch.context.membership == at.membership;
  if (unchanged) begin.membership = out_.map.membership_at(out_.map.last().index);
  const bool lost = !unchanged || (out_.membership_lost && begin.membership.empty());
  if (lost && (durable_.membership.empty() || LOCKSTEP_BUG(lost_change_not_covered))) return false;
  at.used_bytes = later->offset;
  at.membership = batch.context.membership;
  out_.segments.erase(out_.segments.begin(), out_.segments.end() - 1);
  out_.image_from.reset();
  start(begin, lost);
  return true;
}

// A segment's header says all that is needed to begin with it, whatever was before.
Status Replayer::begin_later(Error why) {
  for (std::size_t i = next_; i < files_.size(); ++i) {
    const auto& header = files_[i].header;
    if (!header) continue;
    if (header->previous.index > durable_.index) {
      image_would_do(header->previous.index);
      continue;
    }
    out_.segments.clear();
    out_.image_from.reset();
    next_ = i;
    return {};
  }
  return std::unexpected(std::move(why));
}

std::optional<BrokenBatch> Replayer::broken_batch() const {
  const Segment& at = segment();
  BrokenBatch broken;
  broken.sequence = at.header.sequence;
  broken.offset = at.used_bytes;
  broken.salt = at.header.salt;
  broken.before = out_.map.chain();
  broken.context = {last_term_, at.membership};
  broken.first = out_.map.last().index.next();
  const std::uint64_t number = broken.before.number + 1;

  const auto later = find_batch(bytes_, behind_missing(), at.header.salt, number);
  const bool adjacent = later && later->header.number == number + 1;
  if (adjacent) broken.bytes = later->offset - at.used_bytes;
  if (broken_) {
    if (adjacent && later->offset != behind_missing()) return std::nullopt;
    broken.bytes = batch_bytes(*broken_);
    broken.count = broken_->count;
    broken.checksum = broken_->checksum;
    return broken;
  }
  if (adjacent && later->header.first > broken.first) {
    broken.count = later->header.first - broken.first;
    broken.checksum = later->header.chain;
    return broken;
  }
  // The last one before the next segment. That may override a part of it; the count is then wrong
  // and no entries will do.
  const SegmentHeader* next = next_header();
  if (later || next == nullptr || next->chain.number != number ||
      next->previous.index < broken.first)
    return std::nullopt;
  broken.count = next->previous.index - broken.first + 1;
  broken.checksum = next->chain.checksum;
  return broken;
}

// The header of the segment in bytes_, if its first batch continues the chain.
std::optional<SegmentHeader> Replayer::derive_header() const {
  // With nothing before it, the chain proves something of the very first segment alone; any other
  // may stand on a file with the first batch of an earlier life.
  if (out_.segments.empty() && files_[next_ - 1].sequence != 1) return std::nullopt;
  const LogMap& map = out_.map;
  const auto first = find_batch_after(bytes_, kBlockBytes, map.chain());
  if (!first || first->header.first > map.last().index.next()) return std::nullopt;
  const BatchContext& context = first->header.context;
  SegmentHeader header;
  header.salt = first->header.salt;
  header.previous = {first->header.first.prev(), context.previous_term};
  header.chain = map.chain();
  header.sealed = first->offset + batch_bytes(first->header);
  if (term_at(header.previous.index) != header.previous.term || context.membership != LogIndex{})
    return std::nullopt;
  header.membership = map.membership_at(header.previous.index);
  if (segment_header_bytes(header) != first->offset) return std::nullopt;
  return header;
}

Status Replayer::lose_segment(const SegmentFile& at) {
  const SegmentHeader* next = next_header();
  // It held no batch, and what it cut off the next one cuts off again.
  if (!out_.segments.empty() && next != nullptr && next->chain == out_.map.chain()) return {};
  return begin_later({at.header.error().code,
                      segment_name(at.sequence) + ": offset 0: " + at.header.error().text});
}

}  // namespace lockstep::storage
