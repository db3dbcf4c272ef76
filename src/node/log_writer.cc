#include "node/log_writer.h"

#include <algorithm>
#include <utility>

#include "storage/log_format.h"

namespace lockstep::node {
namespace {

constexpr Duration kFullDiskPause = milliseconds(100);

// Log lane. The hard state goes first: a term or vote that is durable without the entries promises
// nothing that was told.
Status carry_out(storage::RaftLog& log, storage::VoteFile& vote, const raft::Write& write,
                 const std::optional<storage::SpareAhead>& spare) {
  if (spare) TRY(log.add_spare(*spare));
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

LogWriter::LogWriter(env::Env env, storage::RaftLog& log, storage::VoteFile& vote,
                     Listener listener)
    : env_(env), log_(log), vote_(vote), listener_(std::move(listener)) {}

void LogWriter::add(raft::Write write) {
  queue_.push_back(std::move(write));
  pump();
}

void LogWriter::pump() {
  if (busy_ || queue_.empty()) return;
  busy_ = true;
  // Shared, to be had again if the disk is full.
  auto write = std::make_shared<raft::Write>(merge_writes(std::exchange(queue_, {})));
  const Ticket ticket = write->ticket;
  env::run_on(
      env_.lanes, {env::LaneKind::log, 0},
      [this, write, spare = std::exchange(spare_, std::nullopt)] {
        Status status = carry_out(log_, vote_, *write, spare);
        return Outcome{std::move(status), log_.spare_wanted()};
      },
      life_.guard([this, ticket, write](Outcome outcome) mutable {
        if (outcome.status && outcome.wanted) write_ahead(std::move(*outcome.wanted));
        finish(ticket, std::move(write), std::move(outcome.status));
      }));
}

// Once for each segment: where there is no room for it, the log can do without.
void LogWriter::write_ahead(storage::SpareAhead spare) {
  if (spare.name == ahead_) return;
  ahead_ = spare.name;
  env::run_on(
      env_.lanes, {env::LaneKind::image, 0},
      [&disk = env_.disk, spare] { return storage::write_spare(disk, spare); },
      life_.guard([this, spare](const Status& written) {
        if (written)
          spare_ = spare;
        else if (written.error().code != Errc::no_space)
          listener_.failed(written.error());
      }));
}

void LogWriter::finish(Ticket ticket, std::shared_ptr<raft::Write> write, Status status) {
  if (status) {
    bytes_written_ += storage::encoded_batch_bytes(write->entries);
    busy_ = false;
    pump();
    if (std::exchange(disk_full_, false)) listener_.space(true);
    return listener_.persisted(ticket);
  }
  // The first failure is final: a second try could succeed with the data gone. A full disk is none:
  // nothing was appended (storage/raft_log.h).
  if (status.error().code != Errc::no_space) return listener_.failed(std::move(status).error());
  queue_.insert(queue_.begin(), std::move(*write));
  if (!std::exchange(disk_full_, true)) listener_.space(false);
  env_.turns.at(env_.clock.now() + kFullDiskPause, life_.guard([this] {
    busy_ = false;
    pump();
  }));
}

}  // namespace lockstep::node
