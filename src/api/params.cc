#include "api/params.h"

#include <algorithm>
#include "api/go_format.h"
#include "api/url.h"

namespace lockstep::api {
namespace {

std::string value_of(const QueryValues& values, std::string_view name) {
  const std::string* value = values.find(name);
  return value == nullptr ? std::string() : *value;
}

// Values that no endpoint may see in a bad form; checked on every path.
Status check_values(const QueryValues& values) {
  if (values.contains("freshness_strict") && !values.contains("freshness")) {
    return fail(Errc::invalid, "freshness_strict requires freshness");
  }
  for (const std::string_view name :
       {"timeout", "freshness", "db_timeout", "linearizable_timeout"}) {
    if (values.contains(name) && !parse_duration(value_of(values, name))) {
      return fail(Errc::invalid, std::string(name) + " is not a valid duration");
    }
  }
  for (const std::string_view name : {"retries", "trailing_logs"}) {
    if (values.contains(name) && !parse_integer(value_of(values, name))) {
      return fail(Errc::invalid, std::string(name) + " is not a valid integer");
    }
  }
  if (values.contains("q") && value_of(values, "q").empty()) {
    return fail(Errc::invalid, "query parameter not set");
  }
  return {};
}

Level parse_level(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (text == "none") return Level::none;
  if (text == "strong") return Level::strong;
  if (text == "auto") return Level::automatic;
  if (text == "linearizable") return Level::linearizable;
  return Level::weak;
}

// Within [0, a day]: what a client writes must not make time overflow.
std::optional<Duration> duration_of(const QueryValues& values, std::string_view name) {
  const std::string* value = values.find(name);
  const auto duration = value == nullptr ? std::nullopt : parse_duration(*value);
  if (!duration) return std::nullopt;
  return std::clamp(*duration, Duration::zero(), Duration(std::chrono::hours(24)));
}

void set_flags(const QueryValues& values, Params& params) {
  const std::pair<std::string_view, bool*> flags[] = {
      {"pretty", &params.render.pretty},
      {"timings", &params.render.timings},
      {"associative", &params.render.associative},
      {"blob_array", &params.render.blob_array},
      {"qualify_columns", &params.render.qualify_columns},
      {"raft_index", &params.render.raft_index},
      {"transaction", &params.transaction},
      {"queue", &params.queue},
      {"redirect", &params.redirect},
      {"noparse", &params.no_parse},
      {"noleader", &params.no_leader},
      {"nonvoters", &params.non_voters},
      {"sync", &params.sync},
      {"wait", &params.wait},
      {"freshness_strict", &params.freshness_strict},
  };
  for (const auto& [name, flag] : flags) *flag = values.contains(name);
}

}  // namespace

Result<Params> parse_params(std::string_view raw_query) {
  if (raw_query.empty()) return Params{};
  TRY_ASSIGN(const auto values, parse_query(raw_query));
  TRY(check_values(values));
  Params params;
  set_flags(values, params);
  if (const std::string* q = values.find("q")) params.q = *q;
  params.level = parse_level(value_of(values, "level"));
  params.freshness = duration_of(values, "freshness").value_or(Duration::zero());
  params.db_timeout = duration_of(values, "db_timeout").value_or(Duration::zero());
  params.timeout = duration_of(values, "timeout").value_or(params.timeout);
  params.linearizable_timeout = duration_of(values, "linearizable_timeout");
  // 0 (and what lies below) is the configured number, as in rqlite.
  const auto trailing = parse_integer(value_of(values, "trailing_logs"));
  if (trailing && *trailing > 0) params.trailing_logs = static_cast<std::uint64_t>(*trailing);
  params.key = value_of(values, "key");
  params.version = value_of(values, "ver");
  return params;
}

}  // namespace lockstep::api
