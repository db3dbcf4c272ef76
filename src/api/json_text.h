// What rqlite reads into JSON strings beyond JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lockstep::api {

// The bytes of x'HEX' (white space around it allowed), which as a parameter stands for a BLOB.
// Empty: the text is not of this form.
std::optional<std::string> blob_literal(std::string_view text);

// The body with escapes of lone surrogates replaced by \ufffd, as Go reads them; the parser would
// refuse it as it is. Empty: the body has none.
std::optional<std::string> repair_surrogates(std::string_view body);

}  // namespace lockstep::api
