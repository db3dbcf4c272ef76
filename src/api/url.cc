#include "api/url.h"

#include "api/hex.h"
#include "api/json_response.h"

namespace lockstep::api {
namespace {

std::unexpected<Error> bad_escape(std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text.substr(0, 3));
  return fail(Errc::invalid, "invalid URL escape " + quoted);
}

}  // namespace

Result<std::string> unescape(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[at] == '%') {
      const int high = at + 1 < text.size() ? hex_digit(text[at + 1]) : -1;
      const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
      if (high < 0 || low < 0) return bad_escape(text.substr(at));
      out += static_cast<char>(high * 16 + low);
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

Result<Target> parse_target(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const auto path_at = target.find_first_of("/?");
    target.remove_prefix(path_at == std::string_view::npos ? target.size() : path_at);
    break;
  }
  const auto question = target.find('?');
  TRY_ASSIGN(auto path, unescape(target.substr(0, question), false));
  Target parsed{.path = std::move(path), .raw_query = {}};
  if (question != std::string_view::npos) parsed.raw_query = target.substr(question + 1);
  return parsed;
}

Result<QueryValues> parse_query(std::string_view query) {
  QueryValues::Pairs values;
  while (!query.empty()) {
    const auto separator = query.find('&');
    const auto pair = query.substr(0, separator);
    query.remove_prefix(separator == std::string_view::npos ? query.size() : separator + 1);
    if (pair.find(';') != std::string_view::npos) {
      return fail(Errc::invalid, "invalid semicolon separator in query");
    }
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    TRY_ASSIGN(auto name, unescape(pair.substr(0, equals), true));
    std::string_view raw_value;
    if (equals != std::string_view::npos) raw_value = pair.substr(equals + 1);
    TRY_ASSIGN(auto value, unescape(raw_value, true));
    values.emplace_back(std::move(name), std::move(value));
  }
  return QueryValues(std::move(values));
}

}  // namespace lockstep::api
