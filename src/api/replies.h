// The forms an answer can take, and what an Error of the node becomes.
#pragma once

#include <string>
#include <string_view>

#include "api/context.h"

namespace lockstep::api {

Response empty_response(unsigned status);
// An error for people: the text and a line feed, never sniffed as anything else.
Response text_response(unsigned status, std::string_view text);
Response json_response(std::string body);
// 501: fails loudly instead of pretending.
Response not_implemented(std::string_view what);
// 421, between nodes only: this node does not lead and did nothing.
inline constexpr unsigned kMisdirected = 421;

inline constexpr std::string_view kLeaderNotFound = "leader not found";

// What a client is told when the node could not do what it asked for.
struct Verdict {
  enum class Form {
    elsewhere,  // certainly not executed here; another node may
    later,      // certainly not executed, but soon it may be; else as `refusal`
    refusal,    // certainly not executed: 503 and the text
    envelope,   // 200, {"results":[],"error":text}
  };
  Form form = Form::envelope;
  std::string text;
};
Verdict verdict_on_write(const Error& error);
Verdict verdict_on_read(const Error& error);

// The header X-Rqlite-Served-By: the HTTP address of a node that answers for itself, the Raft
// address of a leader that answers for another.
void add_served_by(const Context& context, const Exchange& exchange, Response& response);

// The envelope as a response: 200, or 500 if a value has no JSON form.
Response results_response(const Context& context, const Exchange& exchange,
                          const node::Answer* answer, std::string error);

}  // namespace lockstep::api
