// What the storage tests share: entries, a plain model of a log, and reading a whole log back.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/rng.h"
#include "sim/disk.h"
#include "storage/raft_log.h"

namespace lockstep::storage::test {

inline constexpr sim::Loss kLosses[] = {sim::Loss::all, sim::Loss::prefix, sim::Loss::subset,
                                        sim::Loss::torn_512, sim::Loss::torn_4096};

inline raft::Entry command(std::uint64_t index, std::uint64_t term, std::string payload) {
  return {Term{term}, LogIndex{index}, raft::EntryKind::command, Blob(std::move(payload))};
}

inline raft::Membership membership_of(std::uint64_t number) {
  raft::Membership members;
  members.put({NodeId{"n" + std::to_string(number)}, "host:" + std::to_string(number), true});
  return members;
}

inline raft::Entry config(std::uint64_t index, std::uint64_t term, std::uint64_t number) {
  return {Term{term}, LogIndex{index}, raft::EntryKind::config,
          Blob(raft::encode(membership_of(number)))};
}

inline raft::Write appending(std::vector<raft::Entry> entries) {
  raft::Write write;
  write.entries = std::move(entries);
  return write;
}

inline RaftLog::Opened open_log(sim::SimDisk& disk, std::uint64_t segment_bytes = 16384,
                                std::uint64_t seed = 1) {
  auto opened = RaftLog::open(disk, {.segment_bytes = segment_bytes, .seed = seed});
  if (!opened) {
    ADD_FAILURE() << "open: " << opened.error().text;
    std::abort();
  }
  return std::move(*opened);
}

inline std::vector<raft::Entry> read_all(const RaftLog::Opened& opened) {
  const LogIndex first = opened.recovered.base.index.next();
  const LogIndex end = first + opened.recovered.terms.size();
  if (first == end) return {};
  auto entries = opened.log->read(first, end, ~std::uint64_t{0});
  EXPECT_TRUE(entries) << entries.error().text;
  return entries ? *entries : std::vector<raft::Entry>();
}

// A log as a vector of all its entries from index 1 on, dropped ones included.
struct Model {
  std::vector<raft::Entry> entries;

  void apply(const raft::Write& write) {
    if (write.truncate_after)
      entries.resize(std::min<std::size_t>(entries.size(), write.truncate_after->value));
    entries.insert(entries.end(), write.entries.begin(), write.entries.end());
  }
  [[nodiscard]] Term term_at(std::uint64_t index) const {
    return index == 0 ? Term{} : entries[index - 1].term;
  }
  [[nodiscard]] raft::Position last() const {
    return {LogIndex{entries.size()}, term_at(entries.size())};
  }
};

// The opened log holds exactly the model's entries above its base.
inline bool equals(const RaftLog::Opened& opened, const Model& model) {
  const auto& recovered = opened.recovered;
  const std::uint64_t base = recovered.base.index.value;
  if (base + recovered.terms.size() != model.entries.size()) return false;
  if (recovered.base.term != model.term_at(base)) return false;
  if (read_all(opened) !=
      std::vector<raft::Entry>(model.entries.begin() + static_cast<std::ptrdiff_t>(base),
                               model.entries.end()))
    return false;
  raft::Membership base_membership;
  std::vector<std::pair<LogIndex, raft::Membership>> memberships;
  for (const auto& entry : model.entries) {
    if (entry.kind == raft::EntryKind::config) {
      auto decoded = raft::decode_membership(entry.payload.view());
      if (!decoded) return false;
      if (entry.index.value <= base)
        base_membership = *decoded;
      else
        memberships.emplace_back(entry.index, *decoded);
    }
    if (entry.index.value <= base) continue;
    const std::size_t at = entry.index.value - base - 1;
    if (recovered.terms[at] != entry.term || recovered.sizes[at] != entry.payload.size())
      return false;
  }
  return recovered.base_membership == base_membership && recovered.memberships == memberships;
}

// A drawn write that is legal on `model`: never truncates below `floor`.
inline raft::Write draw_write(Rng& rng, const Model& model, std::uint64_t floor,
                              std::uint64_t payload_max) {
  raft::Write write;
  std::uint64_t last = model.entries.size();
  std::uint64_t term = std::max<std::uint64_t>(1, model.last().term.value);
  const bool truncates = last > floor && rng.chance(1, 5);
  if (truncates) {
    last = rng.between(floor, last - 1);
    write.truncate_after = LogIndex{last};
    ++term;
  }
  const std::uint64_t count = truncates ? rng.below(4) : rng.between(1, 5);
  for (std::uint64_t i = 0; i < count; ++i) {
    ++last;
    if (rng.chance(1, 8)) {
      write.entries.push_back(config(last, term, last * 10 + term));
      continue;
    }
    const std::uint64_t bytes = rng.chance(1, 4) ? rng.below(payload_max) : rng.below(100);
    write.entries.push_back(
        command(last, term, std::string(bytes, static_cast<char>('a' + last % 26))));
  }
  return write;
}

}  // namespace lockstep::storage::test
