// Result bodies (contract 1.4 and 2): streaming writers into a string, byte for byte as rqlite
// prints them.
#pragma once

#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "sql/result.h"

namespace lockstep::api {

struct RenderOptions {
  bool pretty = false;
  bool timings = false;
  bool associative = false;
  bool blob_array = false;
  bool qualify_columns = false;
  bool raft_index = false;
};

struct Envelope {
  const sql::CommandResult* result = nullptr;  // null: "results":[]
  std::string error;                           // top-level error; overrides result->error
  Duration time{};
  LogIndex raft_index;
};

// The body. Errc::invalid with the text of a 500 answer if a value cannot be JSON (±Infinity).
// Pure.
Result<std::string> render(const Envelope& envelope, const RenderOptions& options);

// Appends `text` as a JSON string with Go's escaping (HTML characters, U+2028/9, invalid UTF-8 to
// U+FFFD).
void append_json_string(std::string& out, std::string_view text);
// The same JSON re-indented with 4 spaces as Go's json.Indent does. Precondition: `compact` is
// valid JSON.
std::string indent_json(std::string_view compact);

}  // namespace lockstep::api
