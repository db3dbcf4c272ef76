// The query parameters of a request, checked and typed. A flag is set by being there, whatever its
// value. Unknown names are ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/json_response.h"
#include "base/result.h"
#include "base/time.h"

namespace lockstep::api {

// What a client asks for; `automatic` is settled by the node that reads it: weak on a voter, none
// elsewhere.
enum class Level { none, weak, strong, automatic, linearizable };

struct Params {
  RenderOptions render;
  std::optional<std::string> q;
  Level level = Level::weak;

  bool transaction = false;
  bool queue = false;
  bool redirect = false;
  bool no_parse = false;
  bool no_leader = false;
  bool non_voters = false;
  bool sync = false;
  bool wait = false;  // POST /leader: until leadership has moved
  bool freshness_strict = false;

  Duration freshness{};            // 0: any age
  Duration db_timeout{};           // 0: none; never negative
  Duration timeout = seconds(30);  // for another node's answer
  std::optional<Duration> linearizable_timeout;

  std::optional<std::uint64_t> trailing_logs;  // POST /snapshot; nothing: as configured

  std::string key;      // /status
  std::string version;  // /nodes ?ver=
};

// Errc::invalid with the text of a 400 answer.
Result<Params> parse_params(std::string_view raw_query);

}  // namespace lockstep::api
