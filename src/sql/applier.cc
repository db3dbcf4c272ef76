#include "sql/applier.h"

#include <optional>
#include <utility>

#include "base/check.h"
#include "sql/counters.h"
#include "wire/command.h"

namespace lockstep::sql {
namespace {

// nullopt: the entry changes nothing here. An undecodable one is a bug of whoever proposed it; all
// replicas see the same bytes (the log's checksum says so), so all give the same answer and go on.
std::optional<Result<wire::Command>> command_of(const raft::Entry& entry) {
  if (entry.kind != raft::EntryKind::command) return std::nullopt;
  auto command = wire::decode_command(entry.payload.view());
  if (command && command->kind != wire::CommandKind::execute &&
      command->kind != wire::CommandKind::request)
    return std::nullopt;
  return command;
}

}  // namespace

Result<std::unique_ptr<Applier>> Applier::open(DatabaseFiles& files, Connection& connection,
                                               std::uint64_t seed) {
  std::unique_ptr<Applier> applier(new Applier(files, connection, seed));
  TRY_ASSIGN(applier->wal_, files.open(kWalName));
  return applier;
}

Result<std::vector<Applied>> Applier::apply(std::span<const raft::Entry> entries) {
  // What an earlier batch left in memory on a full disk goes first.
  TRY(files_.wal_tail().flush(*wal_));
  files_.batch_begins_at = files_.wal_index().frames;
  const CounterState before = counters_of(connection_.handle());
  auto results = run(entries);
  if (!results && results.error().code == Errc::no_space) TRY(take_back(before));
  return results;
}

// After a batch that found no room before anything of it was committed.
Status Applier::take_back(const CounterState& before) {
  CHECK(files_.wal_index().frames == files_.batch_begins_at);
  files_.disk_was_full = false;
  if (connection_.in_transaction()) TRY(connection_.run(HostSql::rollback));
  TRY(executor_.forget());
  return set_counters(connection_.handle(), before);
}

Result<std::vector<Applied>> Applier::run(std::span<const raft::Entry> entries) {
  std::vector<Applied> out(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) out[i].index = entries[i].index;
  std::size_t next = 0;
  while (next < entries.size()) {
    TRY_ASSIGN(const Stop stop, run_batch(entries, next, entries.size(), out));
    next = stop.at;
    if (!stop.alone) continue;
    TRY(run_alone(entries[next], out[next].result));
    ++next;
  }
  return out;
}

Result<Applier::Stop> Applier::run_batch(std::span<const raft::Entry> entries, std::size_t first,
                                         std::size_t end, std::vector<Applied>& out) {
  const CounterState before = counters_of(connection_.handle());
  TRY_ASSIGN(Stop stop, try_batch(entries, first, end, out));
  if (!stop.rolled_back) return stop;
  // The same entries from the same state, up to the one that rolled back. Legal: one of those now
  // outgrows a batch, which it just did not before; then it is the one to run alone.
  do {
    end = stop.at;
    TRY(set_counters(connection_.handle(), before));
    TRY_ASSIGN(stop, try_batch(entries, first, end, out));
  } while (stop.rolled_back);
  stop.alone = true;
  return stop;
}

Result<Applier::Stop> Applier::try_batch(std::span<const raft::Entry> entries, std::size_t first,
                                         std::size_t end, std::vector<Applied>& out) {
  bool open = false;
  for (std::size_t i = first; i < end; ++i) {
    auto command = command_of(entries[i]);
    if (!command) continue;
    out[i].result = {};
    if (!*command) {
      out[i].result.error = "malformed command";
      continue;
    }
    if (!open) TRY(begin());
    open = true;
    TRY_ASSIGN(Run run, executor_.run_batched(**command));
    if (run.end == End::destroyed) return Stop{.at = i, .alone = true, .rolled_back = true};
    if (run.end == End::needs_alone) {
      TRY(connection_.run(HostSql::commit));
      return Stop{.at = i, .alone = true};
    }
    out[i].result = std::move(run.result);
  }
  if (open) TRY(connection_.run(HostSql::commit));
  return Stop{.at = end};
}

Status Applier::run_alone(const raft::Entry& entry, CommandResult& out) {
  auto command = command_of(entry);
  CHECK(command && *command);
  TRY(begin_wal());
  TRY_ASSIGN(out, executor_.run_alone(**command));
  return {};
}

Status Applier::begin_wal() {
  // The salts of this start differ from those of earlier ones.
  seed_sqlite_generator(salts_.next());
  return connection_.begin_wal();
}

Status Applier::begin() {
  TRY(begin_wal());
  return connection_.run(HostSql::begin_batch);
}

}  // namespace lockstep::sql
