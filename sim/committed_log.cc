#include "sim/committed_log.h"

#include <string>
#include <string_view>
#include <variant>

#include "wire/command.h"

namespace lockstep::sim {
namespace {

std::int64_t integer(const wire::Statement& statement, std::size_t number) {
  if (number >= statement.parameters.size()) return 0;
  const auto* value = std::get_if<std::int64_t>(&statement.parameters[number].value);
  return value == nullptr ? 0 : *value;
}

void set(CommittedLog& log, std::uint64_t index, std::int64_t key, std::int64_t value) {
  log.kv[key] = value;
  log.writes.push_back(
      {.index = index, .key = std::to_string(key), .value = std::to_string(value)});
}

// The statements are those of workload.cc.
void apply(const wire::Statement& statement, std::uint64_t index, CommittedLog& log) {
  const std::string_view sql = statement.sql;
  if (sql.starts_with("INSERT INTO kv")) {
    set(log, index, integer(statement, 0), integer(statement, 1));
  } else if (sql.starts_with("UPDATE kv")) {
    const std::int64_t key = integer(statement, 1);
    const auto found = log.kv.find(key);
    if (found != log.kv.end() && found->second == integer(statement, 2)) {
      set(log, index, key, integer(statement, 0));
    }
  } else if (sql.starts_with("UPDATE counter")) {
    ++log.counter;
  } else if (sql.starts_with("INSERT INTO noise")) {
    log.tags.push_back(integer(statement, 0));
  }
}

}  // namespace

Result<CommittedLog> replay_committed(const RaftOracle& raft, const WireOracle& wire) {
  CommittedLog log;
  for (std::size_t i = 0; i < raft.committed().size(); ++i) {
    const LogIndex index{i + 1};
    const raft::Entry* entry = wire.entry(index, raft.committed()[i].term);
    if (entry == nullptr) {
      return fail(Errc::not_found, "index " + to_string(index) + " was never seen");
    }
    if (entry->kind != raft::EntryKind::command) continue;
    TRY_ASSIGN(const wire::Command command, wire::decode_command(entry->payload.view()));
    for (const wire::Statement& statement : command.statements) apply(statement, index.value, log);
  }
  return log;
}

}  // namespace lockstep::sim
