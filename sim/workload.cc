#include "sim/workload.h"

#include <fmt/format.h>

#include <utility>

namespace lockstep::sim {
namespace {

std::string milliseconds_text(Duration d) {
  return fmt::format("{}ms", d / milliseconds(1));
}

api::Request post(std::string target, std::string body) {
  return {.method = "POST",
          .target = std::move(target),
          .headers = {{"content-type", "application/json"}},
          .body = std::move(body)};
}

bool is_read(Act act) {
  return act == Act::read || act == Act::read_many || act == Act::read_bank;
}

// Some commands are longer than a sector or a block, so that a torn write can hit their middle.
std::string padding(std::int64_t value) {
  if (value % 2 != 0) return {};
  const auto length = static_cast<std::size_t>(value * 769 % (value % 3 == 0 ? 9'000 : 1'500));
  return std::string(length, static_cast<char>('a' + value % 26));
}

std::string body_of(const Task& task, std::size_t keys) {
  switch (task.act) {
    case Act::write:
      return fmt::format(R"j([["INSERT INTO kv(k, v) /*{}*/ VALUES(?, ?) )j"
                         R"j(ON CONFLICT(k) DO UPDATE SET v = excluded.v", {}, {}]])j",
                         padding(task.value), task.key, task.value);
    case Act::cas:
      return fmt::format(R"([["UPDATE kv SET v = ? WHERE k = ? AND v = ?", {}, {}, {}]])",
                         task.value, task.key, task.expected);
    case Act::read:
      return fmt::format(R"([["SELECT v FROM kv WHERE k = ?", {}]])", task.key);
    case Act::read_many:
      return fmt::format(R"([["SELECT k, v FROM kv WHERE k <= ? ORDER BY k", {}]])", keys);
    case Act::increment:
      return R"(["UPDATE counter SET n = n + 1 WHERE id = 1"])";
    case Act::transfer:
      return fmt::format(R"([["UPDATE bank SET balance = balance - ? WHERE id = ?", {0}, {1}],)"
                         R"(["UPDATE bank SET balance = balance + ? WHERE id = ?", {0}, {2}]])",
                         task.value % 10 + 1, task.key, task.key % kAccounts + 1);
    case Act::read_bank:
      return R"(["SELECT balance FROM bank"])";
    case Act::insert_random:
      return fmt::format(
          R"j([["INSERT INTO noise(tag, p, s) VALUES(?, ?, abs(random()) % 1000)", {}, "{}"]])j",
          task.value, padding(task.value));
    case Act::count_:
      break;
  }
  return {};
}

// "no such table" is what a replica answers that has not applied the set-up yet.
bool is_before_setup(const StatementAnswer& statement) {
  return statement.error.starts_with("no such table");
}

std::optional<std::string> add_read(const Observed& seen, check::Operation operation,
                                    Record& record) {
  const StatementAnswer& statement = seen.answer.results.front();
  if (seen.task.act == Act::read_bank) {
    std::int64_t sum = 0;
    for (const auto& row : statement.rows) sum += to_integer(row.at(0)).value_or(0);
    const bool empty = statement.rows.empty() && seen.task.level <= check::Level::weak;
    if (empty || sum == kAccounts * kBalance) return std::nullopt;
    return fmt::format("the bank holds {} at level {}", sum, check::level_name(seen.task.level));
  }
  if (seen.task.act == Act::read) {
    operation.kind = check::Kind::read;
    operation.key = std::to_string(seen.task.key);
    if (!statement.rows.empty()) operation.value = statement.rows.front().at(0);
    record.history.operations.push_back(std::move(operation));
    return std::nullopt;
  }
  operation.kind = check::Kind::txn;
  std::map<std::string, check::Value> found;
  for (const auto& row : statement.rows) found[row.at(0).value_or("")] = row.at(1);
  for (std::size_t k = 1; k <= seen.keys; ++k) {
    const std::string key = std::to_string(k);
    const auto it = found.find(key);
    operation.accesses.push_back(
        {.writes = false, .key = key, .value = it == found.end() ? std::nullopt : it->second});
  }
  record.history.operations.push_back(std::move(operation));
  return std::nullopt;
}

void add_write(const Observed& seen, check::Operation operation, Record& record) {
  const check::Outcome outcome = operation.outcome;
  const bool ok = outcome == check::Outcome::ok;
  switch (seen.task.act) {
    case Act::write:
    case Act::cas:
      operation.kind = seen.task.act == Act::cas ? check::Kind::cas : check::Kind::write;
      operation.key = std::to_string(seen.task.key);
      operation.value = std::to_string(seen.task.value);
      if (operation.kind == check::Kind::cas) {
        operation.expected = std::to_string(seen.task.expected);
        operation.matched = ok && seen.answer.results.front().rows_affected == 1;
      }
      record.history.operations.push_back(std::move(operation));
      return;
    case Act::increment:
      if (ok) ++record.increments_ok;
      if (outcome == check::Outcome::info) ++record.increments_unknown;
      return;
    case Act::insert_random:
      record.tags.push_back({seen.task.value, outcome});
      return;
    default:
      return;
  }
}

}  // namespace

std::uint64_t Record::operations() const {
  std::uint64_t sum = 0;
  for (const Count& count : counts) sum += count.ok + count.failed + count.unknown;
  return sum;
}

api::Request setup_request() {
  return post(
      "/db/execute?transaction&timeout=1s",
      R"j(["CREATE TABLE IF NOT EXISTS kv(k INTEGER PRIMARY KEY, v INTEGER)",
"CREATE TABLE IF NOT EXISTS counter(id INTEGER PRIMARY KEY, n INTEGER)",
"CREATE TABLE IF NOT EXISTS bank(id INTEGER PRIMARY KEY, balance INTEGER)",
"CREATE TABLE IF NOT EXISTS noise(id INTEGER PRIMARY KEY, tag INTEGER, s INTEGER, p TEXT, )j"
      R"j(r INTEGER DEFAULT (random()), b BLOB DEFAULT (randomblob(8)), t TEXT DEFAULT CURRENT_TIMESTAMP)",
"INSERT OR IGNORE INTO counter(id, n) VALUES(1, 0)",
"INSERT OR IGNORE INTO bank(id, balance) VALUES(1, 100), (2, 100), (3, 100)"])j");
}

api::Request make_request(const Task& task, std::size_t keys, Duration timeout, bool unified) {
  const std::string wait = milliseconds_text(timeout);
  std::string target = unified ? "/db/request" : is_read(task.act) ? "/db/query" : "/db/execute";
  target += "?raft_index&timeout=" + wait;
  if (is_read(task.act)) {
    target += std::string("&level=") + check::level_name(task.level);
    if (!unified) target += "&linearizable_timeout=" + wait;
  }
  if (task.act == Act::transfer) target += "&transaction";
  return post(std::move(target), body_of(task, keys));
}

api::Request dump_request(const std::string& sql, check::Level level) {
  return post(std::string("/db/query?timeout=2s&level=") + check::level_name(level),
              fmt::format(R"(["{}"])", sql));
}

std::optional<std::string> add_to_record(const Observed& seen, Record& record) {
  const Task& task = seen.task;
  const Answer& answer = seen.answer;
  check::Outcome outcome = answer.outcome;
  const std::size_t expected_results = task.act == Act::transfer ? 2 : 1;
  if (outcome == check::Outcome::ok && answer.results.size() != expected_results) {
    return fmt::format("{} results for {}", answer.results.size(), act_name(task.act));
  }
  if (outcome == check::Outcome::ok && !answer.results.front().error.empty()) {
    const bool early = is_read(task.act) && task.level <= check::Level::weak &&
                       is_before_setup(answer.results.front());
    if (!early) return answer.results.front().error;
  }
  auto& count = record.counts[static_cast<std::size_t>(task.act)];
  if (outcome == check::Outcome::ok) ++count.ok;
  if (outcome == check::Outcome::fail) ++count.failed;
  if (outcome == check::Outcome::info) ++count.unknown;

  check::Operation operation;
  operation.client = seen.client;
  operation.called = seen.called;
  operation.returned = outcome == check::Outcome::info ? check::kOpen : seen.returned;
  operation.outcome = outcome;
  operation.level = task.level;
  operation.index = answer.raft_index;
  if (!is_read(task.act)) {
    add_write(seen, std::move(operation), record);
    return std::nullopt;
  }
  if (outcome != check::Outcome::ok) return std::nullopt;  // A read that failed says nothing.
  // A SELECT that this replica cannot prepare yet (its table is not there) counts as a write at
  // /db/request and goes through the log, as in rqlite: then it was answered like a strong read.
  if (answer.raft_index) operation.level = check::Level::strong;
  if (operation.level == check::Level::none) {
    operation.node = seen.node;
    operation.start = seen.exchange.start;
  }
  return add_read(seen, std::move(operation), record);
}

}  // namespace lockstep::sim
