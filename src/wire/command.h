// Commands: the payload of `command` log entries, and the form in which api/ hands SQL to node/ and
// sql/. One encoding end to end: what the JSON parser builds is what the log stores, the wire
// carries and the applier reads.
//
// Format (version 1), little-endian:
//   offset size  meaning
//   0      1     version = 1
//   1      1     kind (CommandKind)
//   2      1     flags: bit 0 transaction, bit 1 rows for RETURNING are not wanted (noparse)
//   3      1     reserved, 0
//   4      8     stamp: wall clock of the proposer, unix milliseconds, signed
//   12     8     seed of random() and randomblob() for this entry
//   20     8     db_timeout in nanoseconds, 0 = none; becomes a number of operations
//   28     4     number of statements
//   32     ..    statements, each: string sql, u32 number of parameters, then each of those:
//                string name ("" = positional), u8 tag, value
// Values by tag: 0 null: nothing; 1 integer: i64; 2 real: f64; 3 text: string; 4 blob: string.
// Strings are u32 length + bytes. There is no checksum: the log's and the link's cover it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/codec.h"
#include "base/result.h"
#include "base/time.h"

namespace lockstep::wire {

enum class CommandKind : std::uint8_t {
  execute = 1,      // POST /db/execute: counters, or rows for RETURNING
  strong_read = 2,  // a read at level strong: changes nothing; only the proposer runs it
  request = 3,      // POST /db/request: reads and writes mixed
  query = 4,        // a local read; never in the log
};

struct Null {
  friend bool operator==(Null, Null) = default;
};
struct BlobBytes {
  std::string_view bytes;
  friend bool operator==(BlobBytes, BlobBytes) = default;
};
// text is string_view, blob BlobBytes; both point into the command's bytes.
using Value = std::variant<Null, std::int64_t, double, std::string_view, BlobBytes>;

struct Parameter {
  std::string_view name;  // without ':', '@' or '$'; empty: positional
  Value value;
};

struct Statement {
  std::string_view sql;
  std::vector<Parameter> parameters;
};

// A decoded command; its views point into the bytes it was decoded from.
struct Command {
  CommandKind kind = CommandKind::execute;
  bool transaction = false;
  bool no_parse = false;
  WallTime stamp;
  std::uint64_t seed = 0;
  Duration db_timeout{};
  std::vector<Statement> statements;
};

// Builds the bytes without an intermediate tree: header, then statement() followed by its
// parameters.
class CommandWriter {
 public:
  CommandWriter(CommandKind kind, bool transaction, bool no_parse, Duration db_timeout);
  void statement(std::string_view sql);
  // Precondition: a statement was begun. `name` empty: positional.
  void parameter(std::string_view name, const Value& value);
  [[nodiscard]] std::uint32_t statements() const { return statements_; }
  // Ends the command; stamp and seed are zero until stamp_command().
  [[nodiscard]] std::string take();

 private:
  void end_statement();
  std::string out_;
  std::uint32_t statements_ = 0;
  std::uint32_t parameters_ = 0;
  std::size_t count_at_ = 0;  // where the open statement's parameter count stands
};

// Overwrites stamp and seed in place. Precondition: `command` came from CommandWriter.
void stamp_command(std::string& command, WallTime stamp, std::uint64_t seed);
// Overwrites the kind in place (a `query` that must go through the log becomes a `strong_read`).
void set_command_kind(std::string& command, CommandKind kind);
// Errc::corrupt unless the bytes are exactly one well-formed command.
Result<Command> decode_command(std::string_view bytes);

}  // namespace lockstep::wire
