#include "node/log_writer.h"

#include <algorithm>
#include <utility>

namespace lockstep::node {
namespace {

// Log lane. The hard state goes first: a term or vote that is durable without the entries promises
// nothing that was told.
Status carry_out(storage::RaftLog& log, storage::VoteFile& vote, const raft::Write& write) {
  if (write.hard) TRY(vote.store(*write.hard));
  if (write.truncate_after || !write.entries.empty()) TRY(log.append(write));
  return {};
}

}  // namespace

raft::Write merge_writes(std::vector<raft::Write> writes) {
  raft::Write merged = std::move(writes.front());
  for (std::size_t i = 1; i < writes.size(); ++i) {
    auto& next = writes[i];
    merged.ticket = next.ticket;
    if (next.hard) merged.hard = std::move(next.hard);
    if (next.truncate_after) {
      const LogIndex keep = *next.truncate_after;
      std::erase_if(merged.entries,
                    [keep](const raft::Entry& entry) { return entry.index > keep; });
      // Whatever is on disk above `keep` goes, unless this batch itself already replaces it.
      if (merged.entries.empty())
        merged.truncate_after = std::min(merged.truncate_after.value_or(keep), keep);
    }
    std::move(next.entries.begin(), next.entries.end(), std::back_inserter(merged.entries));
  }
  return merged;
}

LogWriter::LogWriter(env::Lanes& lanes, storage::RaftLog& log, storage::VoteFile& vote,
                     std::function<void(Ticket)> persisted, std::function<void(Error)> failed)
    : lanes_(lanes),
      log_(log),
      vote_(vote),
      persisted_(std::move(persisted)),
      failed_(std::move(failed)) {}

void LogWriter::add(raft::Write write) {
  queue_.push_back(std::move(write));
  pump();
}

void LogWriter::pump() {
  if (busy_ || queue_.empty()) return;
  busy_ = true;
  auto write = merge_writes(std::exchange(queue_, {}));
  const Ticket ticket = write.ticket;
  env::run_on(
      lanes_, {env::LaneKind::log, 0},
      [this, write = std::move(write)] { return carry_out(log_, vote_, write); },
      life_.guard([this, ticket](Status status) {
        busy_ = false;
        // The first failure is final: a second try could succeed with the data gone.
        if (!status) return failed_(std::move(status).error());
        pump();
        persisted_(ticket);
      }));
}

}  // namespace lockstep::node
