#include "host/join_target.h"

namespace lockstep::host {

Result<JoinTarget> parse_join_target(std::string_view text) {
  constexpr std::string_view kHttp = "http://";
  const std::string_view given = text;
  if (text.starts_with("https://"))
    return fail(Errc::invalid, std::string(text) + ": https is not supported yet");
  const bool http = text.starts_with(kHttp);
  if (http) text.remove_prefix(kHttp.size());
  while (text.ends_with('/')) text.remove_suffix(1);
  auto parsed = parse_host_port(text);
  if (!parsed) return std::unexpected(std::move(parsed).error());
  if (is_wildcard(*parsed) || parsed->port == 0)
    return fail(Errc::invalid, std::string(given) + " is not an address of another node");
  return JoinTarget{.address = *parsed, .http = http};
}

}  // namespace lockstep::host
