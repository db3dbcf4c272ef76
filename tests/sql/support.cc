#include "tests/sql/support.h"

#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>

namespace lockstep::sql {
namespace {

std::string hex(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    out.push_back(kDigits[b >> 4]);
    out.push_back(kDigits[b & 15]);
  }
  return out;
}

struct ShowCell {
  std::string operator()(wire::Null) const { return "null"; }
  std::string operator()(std::int64_t v) const { return std::to_string(v); }
  std::string operator()(double v) const {
    char text[40];
    std::snprintf(text, sizeof text, "%.15g", v);
    return text;
  }
  std::string operator()(const std::string& v) const { return "'" + v + "'"; }
  std::string operator()(const Bytes& v) const { return "x'" + hex(v.value) + "'"; }
};

std::string join(const std::vector<std::string>& parts, const char* between) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) out += (i == 0 ? "" : between) + parts[i];
  return out;
}

struct ShowOutcome {
  std::string operator()(std::monostate) const { return "{}"; }
  std::string operator()(const Counters& v) const {
    return "(" + std::to_string(v.last_insert_id) + "," + std::to_string(v.rows_affected) + ")";
  }
  std::string operator()(const SqlError& v) const { return (v.rows_wanted ? "?!" : "!") + v.text; }
  std::string operator()(const Rows& v) const {
    std::string out = join(v.columns, ",") + " [" + join(v.decltypes, ",") + "]";
    for (std::size_t i = 0; i < v.cells.size(); ++i) {
      const bool first = i % v.columns.size() == 0;
      out += first ? (i == 0 ? " " : " / ") : ",";
      out += std::visit(ShowCell{}, v.cells[i]);
    }
    return out;
  }
};

}  // namespace

std::string command(const std::vector<Text>& texts, const Options& options) {
  wire::CommandWriter writer(options.kind, options.transaction, options.no_parse, options.timeout);
  for (const Text& text : texts) {
    writer.statement(text.sql);
    for (const Param& parameter : text.parameters)
      writer.parameter(parameter.name, parameter.value);
  }
  std::string bytes = writer.take();
  wire::stamp_command(bytes, WallTime{options.stamp}, options.seed);
  return bytes;
}

std::string show(const CommandResult& result) {
  if (!result.error.empty()) return "error: " + result.error;
  std::vector<std::string> parts;
  for (const auto& statement : result.statements)
    parts.push_back(std::visit(ShowOutcome{}, statement.outcome));
  return join(parts, "; ");
}

std::uint64_t hash_of(const CommandResult& result) {
  RunningHash hash;
  add_to(hash, result);
  return hash.value();
}

raft::Entry entry(std::uint64_t index, std::string payload) {
  return {.term = {1},
          .index = {index},
          .kind = payload.empty() ? raft::EntryKind::noop : raft::EntryKind::command,
          .payload = Blob(std::move(payload))};
}

Rig::Rig(DatabaseOptions wanted, std::uint64_t disk_seed) : disk(Rng(disk_seed)), options(wanted) {
  reopen();
}

void Rig::reopen() {
  reader.reset();
  database.reset();
  auto opened = Database::open(disk, options);
  if (!opened) FAIL() << opened.error().text;
  database = std::move(*opened);
  auto reading = database->new_reader();
  if (!reading) FAIL() << reading.error().text;
  reader = std::move(*reading);
}

std::vector<std::string> Rig::batch(const std::vector<std::string>& commands) {
  std::vector<raft::Entry> entries;
  for (const auto& bytes : commands)
    entries.push_back(entry(database->status().applied.value + entries.size() + 1, bytes));
  auto applied = database->apply(entries);
  std::vector<std::string> shown;
  if (!applied) return {"failed: " + applied.error().text};
  for (const Applied& one : *applied) shown.push_back(show(one.result));
  return shown;
}

std::string Rig::run(const std::vector<Text>& texts, const Options& wanted) {
  return batch({command(texts, wanted)})[0];
}

std::string Rig::request(const std::vector<Text>& texts, Options wanted) {
  wanted.kind = wire::CommandKind::request;
  return run(texts, wanted);
}

std::string Rig::query(const std::vector<Text>& texts, Options wanted) {
  wanted.kind = wire::CommandKind::query;
  const auto result = reader->query(command(texts, wanted));
  return result ? show(*result) : std::string("failed: ") + result.error().text;
}

bool Rig::is_read_only(const std::vector<Text>& texts) {
  return reader->is_read_only(command(texts));
}

std::uint64_t Rig::content() {
  auto hash = database->content_hash();
  if (!hash) {
    ADD_FAILURE() << hash.error().text;
    return 0;
  }
  return *hash;
}

}  // namespace lockstep::sql
