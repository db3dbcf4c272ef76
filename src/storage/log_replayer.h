// Replayer: the walk of replay_log() over the segments, and how it goes on behind damage.
//
// What is lost in one place may cost nothing, in one of these ways, tried in this order:
//   overridden   the next segment overrides all that stood in the lost batches: they hold entries
//                after the last one read, and it begins at or before that one;
//   durable      the log begins behind the damage, at a position that the database has reached and
//                where term and membership are known for sure: at a later batch of the segment, if
//                its context says that no lost batch changed the membership, or at a later segment;
//   image        as before, but a lost batch did change the membership, and the database came as an
//                image, which says what is in force at its own index.
// A lost segment header is known again if the segment's first batch continues the chain: chain and
// context give every field. Everything else stands in the way of opening the log.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/log_folder.h"
#include "storage/log_replay.h"

namespace lockstep::storage {

class Replayer {
 public:
  Replayer(env::Disk& disk, Covered durable) : disk_(disk), durable_(std::move(durable)) {}
  Result<Replayed> run();

 private:
  // What stands where the next batch would. `stranger`: a good batch that does not belong there.
  enum class Found { batch, nothing, damage, stranger };

  // The walk (log_replay.cc).
  Status read_segments();
  Status read_segment(SegmentFile& at);
  Status join(const SegmentHeader& header);
  Status cut_recovered(raft::Position previous);
  Status walk();
  Result<Found> take_batch();
  Status take_entries(const BatchHeader& header, const std::vector<EntryView>& entries);
  void note_tail();
  void start(const SegmentHeader& header, bool membership_lost);
  Status finish();

  // Behind damage (log_damage.cc).
  [[nodiscard]] bool lost_here() const;
  Result<bool> pass_over();
  bool begin_later_in_segment();
  Status begin_later(Error why);
  void image_would_do(LogIndex from);
  [[nodiscard]] std::optional<BrokenBatch> broken_batch() const;
  [[nodiscard]] std::optional<SegmentHeader> derive_header() const;
  Status lose_segment(const SegmentFile& at);
  [[nodiscard]] std::optional<Term> term_at(LogIndex index) const;

  // Where the batch after the one that is missing here may stand at the earliest.
  [[nodiscard]] std::uint64_t behind_missing() const;
  // The segment after the one being read, if it is there with a good header.
  [[nodiscard]] const SegmentHeader* next_header() const;
  [[nodiscard]] std::unexpected<Error> corrupt(const std::string& why) const;
  Segment& segment() { return out_.segments.back(); }
  [[nodiscard]] const Segment& segment() const { return out_.segments.back(); }

  env::Disk& disk_;
  Covered durable_;
  std::vector<SegmentFile> files_;
  std::size_t next_ = 0;  // the file to be read next
  std::string bytes_;     // of the file being read
  Replayed out_;
  Term last_term_;
  Found stopped_by_ = Found::nothing;
  std::string stop_reason_;
  std::optional<BatchHeader> broken_;  // where the walk stopped: a good header with a bad body
  bool overridden_ = false;            // by the next segment, see above
  bool cut_here_ = false;              // only with the bug middle_corruption_cut
};

}  // namespace lockstep::storage
