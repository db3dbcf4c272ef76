#include "oracle.h"

namespace lockstep::raft::test {
namespace {

std::string at(LogIndex index, Term term) {
  return to_string(index) + "/" + to_string(term);
}

}  // namespace

void Oracle::broken(std::string what) {
  if (!violation_) violation_ = std::move(what);
}

void Oracle::appended(const NodeId& node, const Entry& entry, Term before) {
  const auto [it, fresh] = entries_.try_emplace({entry.index, entry.term}, Seen{entry, before});
  if (fresh || (it->second.entry == entry && it->second.before == before)) return;
  broken("log matching: " + node.value + " has another entry or predecessor at " +
         at(entry.index, entry.term));
}

void Oracle::leads(const NodeId& node, Term term, const std::vector<Entry>& log) {
  const auto [it, fresh] = leaders_.try_emplace(term, node);
  if (it->second != node)
    broken("election safety: " + it->second.value + " and " + node.value + " lead term " +
           to_string(term));
  if (!fresh) return;
  for (const auto& [index, commit] : commits_) {
    if (commit.by >= term) continue;  // elected late: votes of an old term, delayed
    if (index.value <= log.size() && log[index.value - 1] == commit.entry) continue;
    broken("leader completeness: " + node.value + " leads term " + to_string(term) +
           " without committed " + at(index, commit.entry.term));
    return;
  }
}

void Oracle::committed(const NodeId& node, const Entry& entry, Term term) {
  const auto [it, fresh] = commits_.try_emplace(entry.index, Commit{entry, term});
  if (fresh || it->second.entry == entry) return;
  broken("state machine safety: " + node.value + " commits " + at(entry.index, entry.term) +
         ", another committed " + at(entry.index, it->second.entry.term));
}

void Oracle::read_granted(RequestId id, LogIndex index) {
  const auto asked = reads_.find(id);
  if (asked == reads_.end()) return broken("read " + std::to_string(id) + " answered twice");
  if (index < asked->second)
    broken("stale read: granted at " + to_string(index) +
           ", committed when asked: " + to_string(asked->second));
  reads_.erase(asked);
}

}  // namespace lockstep::raft::test
