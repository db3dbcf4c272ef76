// Commands: golden bytes, round trips, strictness, and the in-place stamp.
#include "wire/command.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>

#include "generators.h"

namespace lockstep::wire {
namespace {

// A command that owns its strings, for round trips.
struct OwnedParameter {
  std::string name;
  int tag = 0;
  std::int64_t integer = 0;
  std::string bytes;
};
struct OwnedStatement {
  std::string sql;
  std::vector<OwnedParameter> parameters;
};

Value value_of(const OwnedParameter& p) {
  switch (p.tag) {
    case 0:
      return Null{};
    case 1:
      return p.integer;
    case 2:
      return std::bit_cast<double>(p.integer);
    case 3:
      return std::string_view(p.bytes);
    default:
      return BlobBytes{p.bytes};
  }
}

std::vector<OwnedStatement> any_statements() {
  std::vector<OwnedStatement> statements(*rc::gen::inRange<std::size_t>(0, 4));
  for (auto& statement : statements) {
    statement.sql = any_bytes();
    statement.parameters.resize(*rc::gen::inRange<std::size_t>(0, 4));
    for (auto& p : statement.parameters) {
      p.name = any_bytes();
      p.tag = *rc::gen::inRange(0, 5);
      p.integer = *rc::gen::arbitrary<std::int64_t>();
      p.bytes = any_bytes();
    }
  }
  return statements;
}

std::string write(const std::vector<OwnedStatement>& statements, CommandKind kind, bool transaction,
                  bool no_parse, Duration timeout) {
  CommandWriter writer(kind, transaction, no_parse, timeout);
  for (const auto& statement : statements) {
    writer.statement(statement.sql);
    for (const auto& p : statement.parameters) writer.parameter(p.name, value_of(p));
  }
  return writer.take();
}

std::string any_command(std::vector<OwnedStatement>& statements) {
  statements = any_statements();
  const auto kind = static_cast<CommandKind>(*rc::gen::inRange(1, 5));
  const bool transaction = *rc::gen::arbitrary<bool>();
  const bool no_parse = *rc::gen::arbitrary<bool>();
  const auto timeout = Duration(*rc::gen::inRange<std::int64_t>(0, 1'000'000));
  return write(statements, kind, transaction, no_parse, timeout);
}

// Bitwise: a NaN equals itself.
std::string rewrite(const Command& command) {
  CommandWriter writer(command.kind, command.transaction, command.no_parse, command.db_timeout);
  for (const auto& statement : command.statements) {
    writer.statement(statement.sql);
    for (const auto& p : statement.parameters) writer.parameter(p.name, p.value);
  }
  std::string bytes = writer.take();
  stamp_command(bytes, command.stamp, command.seed);
  return bytes;
}

RC_GTEST_PROP(Commands, decode_inverts_encode, ()) {
  std::vector<OwnedStatement> statements;
  std::string bytes = any_command(statements);
  const auto stamp = *rc::gen::arbitrary<std::int64_t>();
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  stamp_command(bytes, {stamp}, seed);
  const auto command = decode_command(bytes);
  RC_ASSERT(command.has_value());
  RC_ASSERT(command->stamp.unix_ms == stamp);
  RC_ASSERT(command->seed == seed);
  RC_ASSERT(command->statements.size() == statements.size());
  for (std::size_t i = 0; i < statements.size(); ++i) {
    RC_ASSERT(command->statements[i].sql == statements[i].sql);
    RC_ASSERT(command->statements[i].parameters.size() == statements[i].parameters.size());
  }
  RC_ASSERT(rewrite(*command) == bytes);
}

RC_GTEST_PROP(Commands, every_truncation_and_extension_is_refused, ()) {
  std::vector<OwnedStatement> statements;
  const std::string bytes = any_command(statements);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    RC_ASSERT(!decode_command(std::string_view(bytes).substr(0, n)).has_value());
  }
  RC_ASSERT(!decode_command(bytes + '\0').has_value());
}

RC_GTEST_PROP(Commands, accepted_bytes_are_canonical, ()) {
  std::vector<OwnedStatement> statements;
  std::string bytes = any_command(statements);
  const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
  bytes[at] = *rc::gen::arbitrary<char>();
  const auto command = decode_command(bytes);
  if (command) RC_ASSERT(rewrite(*command) == bytes);
}

RC_GTEST_PROP(Commands, random_bytes_never_break_the_decoder, ()) {
  const std::string bytes = any_bytes();
  const auto command = decode_command(bytes);
  if (command) RC_ASSERT(rewrite(*command) == bytes);
}

TEST(Commands, golden_bytes) {
  CommandWriter writer(CommandKind::request, true, false, Duration(5));
  writer.statement("S");
  writer.parameter("", std::int64_t{2});
  writer.parameter("n", std::string_view("t"));
  EXPECT_EQ(writer.statements(), 1u);
  std::string bytes = writer.take();
  stamp_command(bytes, {-1}, 3);
  std::string expected("\x01\x03\x01\x00", 4);
  expected += std::string(8, '\xff');
  expected += std::string("\x03\0\0\0\0\0\0\0", 8);
  expected += std::string("\x05\0\0\0\0\0\0\0", 8);
  expected += std::string("\x01\0\0\0", 4);
  expected += std::string("\x01\0\0\0S\x02\0\0\0", 9);
  expected += std::string("\0\0\0\0\x01\x02\0\0\0\0\0\0\0", 13);
  expected += std::string("\x01\0\0\0n\x03\x01\0\0\0t", 11);
  EXPECT_EQ(bytes, expected);
}

TEST(Commands, kind_is_overwritten_in_place) {
  std::string bytes = CommandWriter(CommandKind::query, false, true, {}).take();
  set_command_kind(bytes, CommandKind::strong_read);
  const auto command = decode_command(bytes);
  ASSERT_TRUE(command);
  EXPECT_EQ(command->kind, CommandKind::strong_read);
  EXPECT_TRUE(command->no_parse);
}

TEST(Commands, headers_that_are_not_canonical_are_refused) {
  const std::string good = CommandWriter(CommandKind::execute, false, false, {}).take();
  ASSERT_TRUE(decode_command(good));
  const std::pair<std::size_t, char> changes[] = {
      {0, 2}, {1, 0}, {1, 5}, {2, 4}, {3, 1}, {27, '\x80'}};  // the last: a negative timeout
  for (const auto& [at, value] : changes) {
    std::string bad = good;
    bad[at] = value;
    EXPECT_FALSE(decode_command(bad)) << at;
  }
}

TEST(Commands, counts_beyond_the_bytes_reserve_nothing) {
  std::string bytes = CommandWriter(CommandKind::execute, false, false, {}).take();
  bytes.replace(28, 4, "\xff\xff\xff\xff");
  EXPECT_FALSE(decode_command(bytes));
  CommandWriter writer(CommandKind::execute, false, false, {});
  writer.statement("");
  bytes = writer.take();
  bytes.replace(bytes.size() - 4, 4, "\xff\xff\xff\xff");
  EXPECT_FALSE(decode_command(bytes));
}

}  // namespace
}  // namespace lockstep::wire
