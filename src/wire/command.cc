// The one encoding of commands (format in command.h). The writer appends and patches counts in
// place; the decoder is total: any bytes give a Command or an Error, allocations stay within a
// small multiple of the input, and every command has exactly one encoding.
#include "wire/command.h"

#include <cstring>

#include "base/check.h"

namespace lockstep::wire {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kTransactionFlag = 1;
constexpr std::uint8_t kNoParseFlag = 2;
constexpr std::uint8_t kFlagsMask = kTransactionFlag | kNoParseFlag;

constexpr std::size_t kKindAt = 1;
constexpr std::size_t kStampAt = 4;
constexpr std::size_t kSeedAt = 12;
constexpr std::size_t kStatementsAt = 28;
constexpr std::size_t kHeaderSize = 32;

// Two empty length-prefixed fields; a name's length and a tag.
constexpr std::size_t kStatementSizeMin = 8;
constexpr std::size_t kParameterSizeMin = 5;

enum class Tag : std::uint8_t { null = 0, integer = 1, real = 2, text = 3, blob = 4 };

void append_string(std::string& out, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out.append(text);
}

template <class T>
void append_fixed(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
void overwrite(std::string& out, std::size_t at, T value) {
  CHECK(at + sizeof value <= out.size());
  std::memcpy(out.data() + at, &value, sizeof value);
}

struct ValueWriter {
  std::string& out;
  void tag(Tag t) { out.push_back(static_cast<char>(t)); }
  void operator()(Null) { tag(Tag::null); }
  void operator()(std::int64_t v) {
    tag(Tag::integer);
    append_fixed(out, v);
  }
  void operator()(double v) {
    tag(Tag::real);
    append_fixed(out, v);
  }
  void operator()(std::string_view v) {
    tag(Tag::text);
    append_string(out, v);
  }
  void operator()(BlobBytes v) {
    tag(Tag::blob);
    append_string(out, v.bytes);
  }
};

Value decode_value(Decoder& in, bool& known) {
  switch (static_cast<Tag>(in.u8())) {
    case Tag::null:
      return Null{};
    case Tag::integer:
      return in.i64();
    case Tag::real:
      return in.f64();
    case Tag::text:
      return in.string();
    case Tag::blob:
      return BlobBytes{in.string()};
  }
  known = false;
  return Null{};
}

bool decode_statement(Decoder& in, Statement& statement) {
  statement.sql = in.string();
  const std::uint32_t count = in.u32();
  if (!in.ok() || count > in.remaining() / kParameterSizeMin) return false;
  statement.parameters.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    bool known = true;
    const auto name = in.string();
    const Value value = decode_value(in, known);
    if (!known || !in.ok()) return false;
    statement.parameters.push_back({.name = name, .value = value});
  }
  return true;
}

bool decode_header(Decoder& in, Command& command) {
  const auto version = in.u8();
  const auto kind = in.u8();
  const auto flags = in.u8();
  const auto reserved = in.u8();
  command.stamp = {in.i64()};
  command.seed = in.u64();
  command.db_timeout = Duration(in.i64());
  if (!in.ok() || version != kVersion || reserved != 0) return false;
  if (kind < static_cast<std::uint8_t>(CommandKind::execute) ||
      kind > static_cast<std::uint8_t>(CommandKind::query)) {
    return false;
  }
  if ((flags & ~kFlagsMask) != 0 || command.db_timeout < Duration::zero()) return false;
  command.kind = static_cast<CommandKind>(kind);
  command.transaction = (flags & kTransactionFlag) != 0;
  command.no_parse = (flags & kNoParseFlag) != 0;
  return true;
}

}  // namespace

CommandWriter::CommandWriter(CommandKind kind, bool transaction, bool no_parse,
                             Duration db_timeout) {
  CHECK(db_timeout >= Duration::zero());
  out_.push_back(static_cast<char>(kVersion));
  out_.push_back(static_cast<char>(kind));
  out_.push_back(
      static_cast<char>((transaction ? kTransactionFlag : 0) | (no_parse ? kNoParseFlag : 0)));
  out_.push_back(0);
  append_fixed(out_, std::int64_t{0});
  append_fixed(out_, std::uint64_t{0});
  append_fixed(out_, std::int64_t{db_timeout.count()});
  append_fixed(out_, std::uint32_t{0});
  CHECK(out_.size() == kHeaderSize);
}

void CommandWriter::statement(std::string_view sql) {
  end_statement();
  append_string(out_, sql);
  count_at_ = out_.size();
  append_fixed(out_, std::uint32_t{0});
  parameters_ = 0;
  ++statements_;
}

void CommandWriter::parameter(std::string_view name, const Value& value) {
  CHECK(statements_ > 0);
  append_string(out_, name);
  std::visit(ValueWriter{out_}, value);
  ++parameters_;
}

std::string CommandWriter::take() {
  end_statement();
  overwrite(out_, kStatementsAt, statements_);
  return std::move(out_);
}

void CommandWriter::end_statement() {
  if (statements_ > 0) overwrite(out_, count_at_, parameters_);
}

void stamp_command(std::string& command, WallTime stamp, std::uint64_t seed) {
  CHECK(command.size() >= kHeaderSize);
  overwrite(command, kStampAt, stamp.unix_ms);
  overwrite(command, kSeedAt, seed);
}

void set_command_kind(std::string& command, CommandKind kind) {
  CHECK(command.size() >= kHeaderSize);
  overwrite(command, kKindAt, static_cast<std::uint8_t>(kind));
}

Result<Command> decode_command(std::string_view bytes) {
  Decoder in(bytes);
  Command command;
  if (!decode_header(in, command)) return fail(Errc::corrupt, "command: bad header");
  const std::uint32_t count = in.u32();
  if (!in.ok() || count > in.remaining() / kStatementSizeMin) {
    return fail(Errc::corrupt, "command: more statements than bytes");
  }
  command.statements.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!decode_statement(in, command.statements.emplace_back())) {
      return fail(Errc::corrupt, "command: bad statement");
    }
  }
  if (!in.complete()) return fail(Errc::corrupt, "command: trailing bytes");
  return command;
}

}  // namespace lockstep::wire
