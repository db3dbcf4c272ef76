// What the tests of sql/ share: commands in one line, results as one line of text, and a database
// on a simulated disk.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/disk.h"
#include "sql/database.h"
#include "wire/command.h"

namespace lockstep::sql {

struct Param {
  std::string name;
  wire::Value value;
};

struct Text {
  Text(const char* text) : sql(text) {}             // NOLINT: a statement is mostly its text
  Text(std::string text) : sql(std::move(text)) {}  // NOLINT
  Text(std::string text, std::vector<Param> values)
      : sql(std::move(text)), parameters(std::move(values)) {}
  std::string sql;
  std::vector<Param> parameters;
};

struct Options {
  wire::CommandKind kind = wire::CommandKind::execute;
  bool transaction = false;
  bool no_parse = false;
  Duration timeout{};
  std::int64_t stamp = 1'700'000'000'000;
  std::uint64_t seed = 7;
};

std::string command(const std::vector<Text>& texts, const Options& options = {});

// One line: counters "(id,rows)", rows "a,b [integer,text] 1,'x' / 2,null", nothing "{}", an error
// "!text" ("?!text" where rows were wanted); statements joined by "; ". A request-level error:
// "error: text".
std::string show(const CommandResult& result);
std::uint64_t hash_of(const CommandResult& result);

// A database on a disk of its own.
class Rig {
 public:
  explicit Rig(DatabaseOptions options = {}, std::uint64_t disk_seed = 1);
  // Applies one command as the next entry and shows the result.
  std::string run(const std::vector<Text>& texts, const Options& options = {});
  std::string request(const std::vector<Text>& texts, Options options = {});
  std::string query(const std::vector<Text>& texts, Options options = {});
  bool is_read_only(const std::vector<Text>& texts);
  // Applies several commands as one batch.
  std::vector<std::string> batch(const std::vector<std::string>& commands);
  // Closes and opens the database at its durable point.
  void reopen();
  std::uint64_t content();

  sim::SimDisk disk;
  DatabaseOptions options;
  std::unique_ptr<Database> database;
  std::unique_ptr<Reader> reader;
};

raft::Entry entry(std::uint64_t index, std::string payload);

}  // namespace lockstep::sql
