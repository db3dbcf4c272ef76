// Answer: what a response of the API says, for a client that must decide between "it happened", "it
// certainly did not" and "nobody knows".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/client_link.h"
#include "sim/history.h"

namespace lockstep::sim {

struct StatementAnswer {
  std::string error;
  std::int64_t rows_affected = 0;
  // Rows as text, integers in decimal; NULL is nothing.
  std::vector<std::vector<check::Value>> rows;
};

struct Answer {
  check::Outcome outcome = check::Outcome::info;
  std::string error;  // top-level error or the text of an error status
  std::vector<StatementAnswer> results;
  std::optional<std::uint64_t> raft_index;
};

// The integer a cell holds; nothing for anything else.
std::optional<std::int64_t> to_integer(const check::Value& cell);

// Never fails: what cannot be read is an answer with outcome info and an error. A 200 whose
// statements failed has outcome ok; look at the statements.
Answer read_answer(const Exchange& exchange);

// The node that was asked, if it answered from its own state; "" if the answer came from another
// one (a SELECT that does not prepare here passes for a write and is forwarded).
std::string answering_node(const Exchange& exchange, const std::string& asked);

}  // namespace lockstep::sim
