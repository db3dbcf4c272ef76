#include "raft/term_log.h"

#include <algorithm>

#include "base/check.h"

namespace lockstep::raft {
namespace {

// Index, term, kind and length prefix of an entry on the wire, rounded up.
constexpr std::uint64_t kEntryOverhead = 32;

}  // namespace

std::optional<Term> TermLog::term_at(LogIndex index) const {
  if (index < base_.index || index > last_index()) return std::nullopt;
  if (index == base_.index) return base_.term;
  // Nearly all questions are about the newest term.
  if (runs_.back().first <= index) return runs_.back().term;
  const auto after = std::ranges::upper_bound(runs_, index, {}, &Run::first);
  return std::prev(after)->term;
}

Position TermLog::last_at_most(LogIndex from, Term term) const {
  LogIndex end = std::min(from, last_index()).next();  // one past the candidates
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    if (run->first >= end) continue;
    if (run->term <= term) return {end.prev(), run->term};
    end = run->first;
  }
  return base_;
}

TermLog::Span TermLog::span_from(LogIndex first, std::uint64_t bytes_max) const {
  CHECK(base_.index < first);
  Span span;
  for (auto offset = first - base_.index.next(); offset < sizes_.size(); ++offset) {
    const std::uint64_t bytes = sizes_[offset] + kEntryOverhead;
    if (span.count > 0 && span.bytes + bytes > bytes_max) break;
    ++span.count;
    span.bytes += bytes;
  }
  return span;
}

void TermLog::append(Term term, std::uint32_t size) {
  if (runs_.empty() || runs_.back().term != term) runs_.push_back({last_index().next(), term});
  sizes_.push_back(size);
}

void TermLog::truncate_after(LogIndex index) {
  CHECK(base_.index <= index);
  if (index >= last_index()) return;
  sizes_.resize(index - base_.index);
  while (!runs_.empty() && runs_.back().first > index) runs_.pop_back();
}

void TermLog::compact(LogIndex index) {
  const std::optional<Term> term = term_at(index);
  CHECK(term.has_value());
  const auto dropped = static_cast<std::ptrdiff_t>(index - base_.index);
  sizes_.erase(sizes_.begin(), sizes_.begin() + dropped);
  base_ = {index, *term};
  while (runs_.size() > 1 && runs_[1].first <= index.next()) runs_.pop_front();
  if (sizes_.empty()) {
    runs_.clear();
  } else {
    runs_.front().first = index.next();
  }
}

}  // namespace lockstep::raft
