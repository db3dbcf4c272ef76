// What the storage tests share: entries, a plain model of a log, and reading a whole log back.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
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

// A log as a vector of all its entries since it last started anew, dropped ones included.
struct Model {
  std::vector<raft::Entry> entries;
  raft::Position begin;  // the log started anew after it
  raft::Membership begin_membership;

  void apply(const raft::Write& write) {
    if (write.truncate_after)
      entries.resize(std::min<std::size_t>(entries.size(), *write.truncate_after - begin.index));
    entries.insert(entries.end(), write.entries.begin(), write.entries.end());
  }
  void reset(raft::Position at, const raft::Membership& membership) {
    entries.clear();
    begin = at;
    begin_membership = membership;
  }
  [[nodiscard]] std::uint64_t last_index() const { return begin.index.value + entries.size(); }
  // Preconditions: not below the beginning, at most the last index.
  [[nodiscard]] Term term_at(std::uint64_t index) const {
    return index == begin.index.value ? begin.term : at(index).term;
  }
  [[nodiscard]] const raft::Entry& at(std::uint64_t index) const {
    return entries[index - begin.index.value - 1];
  }
  // [first, end)
  [[nodiscard]] std::vector<raft::Entry> range(std::uint64_t first, std::uint64_t end) const {
    const std::uint64_t before = begin.index.value + 1;
    return {entries.begin() + static_cast<std::ptrdiff_t>(first - before),
            entries.begin() + static_cast<std::ptrdiff_t>(end - before)};
  }
  [[nodiscard]] raft::Position last() const {
    return {LogIndex{last_index()}, term_at(last_index())};
  }
};

// The opened log holds exactly the model's entries above its base, and the right membership there.
inline bool equals(const RaftLog::Opened& opened, const Model& model) {
  const auto& recovered = opened.recovered;
  const std::uint64_t base = recovered.base.index.value;
  if (base < model.begin.index.value || base > model.last_index()) return false;
  if (base + recovered.terms.size() != model.last_index()) return false;
  if (recovered.base.term != model.term_at(base)) return false;
  if (read_all(opened) != model.range(base + 1, model.last_index() + 1)) return false;
  raft::Membership base_membership = model.begin_membership;
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
  std::uint64_t last = model.last_index();
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

// One thing that happens to a log, drawn by Rng.
struct Step {
  raft::Write write;
  std::optional<raft::Position> drop;
  std::optional<raft::Position> reset;
  raft::Membership membership;  // of the reset

  Status carry_out(RaftLog& log) const {
    if (reset) return log.reset(*reset, membership);
    return drop ? log.drop_through(*drop) : log.append(write);
  }
};

// Draws what is legal on `model` and carries it out there. `floor`: see draw_write(); it moves.
inline Step draw_step(Rng& rng, Model& model, std::uint64_t& floor, std::uint64_t payload_max) {
  Step step;
  const std::uint64_t kind = rng.below(16);
  if (kind < 2 && !model.entries.empty()) {
    floor = rng.between(floor, model.last_index());
    step.drop = {LogIndex{floor}, model.term_at(floor)};
  } else if (kind == 2) {
    const std::uint64_t ahead = rng.below(30);
    floor = std::max<std::uint64_t>(1, model.last_index() / 2 + ahead);
    step.reset = {LogIndex{floor}, Term{model.last().term.value + 1}};
    if (rng.chance(3, 4)) step.membership = membership_of(floor);
    model.reset(*step.reset, step.membership);
  } else {
    step.write = draw_write(rng, model, floor, payload_max);
    model.apply(step.write);
  }
  return step;
}

// A history, the same for every run with it.
struct History {
  std::vector<Step> steps;
  std::vector<Model> models;  // models[i]: after the first i steps
};

inline History draw_history(std::uint64_t seed, std::uint64_t count) {
  Rng rng(seed);
  History history;
  Model model;
  std::uint64_t floor = 0;
  history.models.push_back(model);
  for (std::uint64_t i = 0; i < count; ++i) {
    history.steps.push_back(draw_step(rng, model, floor, 9000));
    history.models.push_back(model);
  }
  return history;
}

// A log on its disk, with copies of its files to be damaged.
class Bench {
 public:
  static constexpr std::uint64_t kSegment = 16384;

  Bench() { reopen(); }
  void reopen() {
    log_.reset();
    log_ = open_log(disk(), kSegment, ++seed_).log;
  }
  void write(raft::Write write) {
    ASSERT_TRUE(log_->append(write));
    model.apply(write);
  }
  // `count` entries in a batch of their own. A segment holds three batches of one block.
  void batch(std::uint64_t count, std::uint64_t term, std::size_t bytes = 10) {
    std::vector<raft::Entry> entries;
    for (std::uint64_t i = 1; i <= count; ++i)
      entries.push_back(command(model.last_index() + i, term, std::string(bytes, 'x')));
    write(appending(std::move(entries)));
  }
  void membership(std::uint64_t term, std::uint64_t number) {
    write(appending({config(model.last_index() + 1, term, number)}));
  }
  void truncate(std::uint64_t after) {
    raft::Write cut;
    cut.truncate_after = LogIndex{after};
    write(cut);
  }
  // From now on the log is only looked at.
  void close() {
    log_.reset();
    good_.clear();
    const auto names = *disk().list();
    for (const auto& name : names) good_.emplace_back(name, *disk().contents(name));
  }
  // The files as they were at close(), on a new disk.
  void restore() {
    disk_ = std::make_unique<sim::SimDisk>(Rng(++seed_));
    for (const auto& [name, bytes] : good_) disk_->put(name, bytes);
  }
  Result<RaftLog::Opened> open(std::uint64_t durable = 0) {
    return RaftLog::open(
        disk(), {.segment_bytes = kSegment, .seed = ++seed_, .durable = {LogIndex{durable}}});
  }
  Result<RaftLog::Opened> open(const Covered& durable) {
    return RaftLog::open(disk(), {.segment_bytes = kSegment, .seed = ++seed_, .durable = durable});
  }
  Result<std::optional<LogDamage>> find(std::uint64_t durable = 0) {
    return find_log_damage(disk(), {LogIndex{durable}});
  }
  // Entries of the model that `damage` names.
  [[nodiscard]] std::vector<raft::Entry> entries_for(const LogDamage& damage) const {
    return model.range(damage.first.value, damage.first.value + damage.count);
  }

  [[nodiscard]] sim::SimDisk& disk() { return *disk_; }
  [[nodiscard]] RaftLog& log() { return *log_; }
  Model model;

 private:
  std::unique_ptr<sim::SimDisk> disk_ = std::make_unique<sim::SimDisk>(Rng(1));
  std::unique_ptr<RaftLog> log_;
  std::vector<std::pair<std::string, std::string>> good_;
  std::uint64_t seed_ = 0;
};

}  // namespace lockstep::storage::test
