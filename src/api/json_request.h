// Statement bodies (contract 1.3): JSON text straight into a wire command, by a SAX parser, without
// a tree.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/command.h"

namespace lockstep::api {

struct ParseOptions {
  wire::CommandKind kind = wire::CommandKind::execute;
  bool transaction = false;
  bool no_parse = false;
  Duration db_timeout{};
};

// The command for a JSON body. Errc::invalid with the contract's text: "invalid JSON body",
// "invalid request", "no statements", "unsupported type ...", "invalid number ...". Pure; bounded
// depth; linear in the body.
Result<std::string> parse_statements(std::string_view body, const ParseOptions& options);

// The command for one bare SQL text (GET ?q=, text/plain bodies). Empty text: a command without
// statements.
std::string single_statement(std::string_view sql, const ParseOptions& options);

}  // namespace lockstep::api
