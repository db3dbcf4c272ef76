// TermLog: all the core keeps of its log: which term each entry has and how many bytes it carries.
// Terms are kept by runs, since a log has few terms and many entries; payloads live with the host.
// Holds the positions [base, last]; `base` is the entry before the first one and has a term but no
// size.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "raft/messages.h"

namespace lockstep::raft {

class TermLog {
 public:
  explicit TermLog(Position base) : base_(base) {}

  [[nodiscard]] const Position& base() const { return base_; }
  [[nodiscard]] LogIndex last_index() const { return base_.index + sizes_.size(); }
  [[nodiscard]] Position last() const { return {last_index(), last_term()}; }
  // nullopt outside [base, last].
  [[nodiscard]] std::optional<Term> term_at(LogIndex index) const;
  // The greatest position at or below min(from, last) whose term is at most `term`; the base if
  // there is none: what lies below it is committed, so both sides agree on it.
  [[nodiscard]] Position last_at_most(LogIndex from, Term term) const;

  struct Span {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
  };
  // How many entries from `first` on fit into `bytes_max` (at least one if there is any), and their
  // weight: payload plus a fixed share for the header, so that empty entries are bounded too.
  // Precondition: base < first.
  [[nodiscard]] Span span_from(LogIndex first, std::uint64_t bytes_max) const;

  void append(Term term, std::uint32_t size);
  // Drops the entries above `index`. Precondition: base <= index.
  void truncate_after(LogIndex index);
  // Makes `index` the base. Precondition: base <= index <= last.
  void compact(LogIndex index);

 private:
  struct Run {
    LogIndex first;
    Term term;
  };
  [[nodiscard]] Term last_term() const { return runs_.empty() ? base_.term : runs_.back().term; }

  Position base_;
  std::deque<Run> runs_;  // ascending; the first starts at base + 1
  std::deque<std::uint32_t> sizes_;
};

}  // namespace lockstep::raft
