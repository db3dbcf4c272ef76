#include "api/routes.h"

#include "api/cluster.h"
#include "api/replies.h"
#include "api/statements.h"

namespace lockstep::api {
namespace {

void serve_root(Context&, ExchangePtr exchange) {
  Response response = empty_response(302);
  response.headers.emplace_back("Location", "/console/");
  exchange->responder.answer(std::move(response));
}

constexpr Route kRoutes[] = {
    {"/", true, "", false, serve_root, {}},
    {"/console", false, "", false, nullptr, "web console"},
    {"/db/execute", false, "POST", true, serve_execute, {}},
    {"/db/query", false, "GET POST", true, serve_query, {}},
    {"/db/request", false, "POST", true, serve_request, {}},
    {"/db/backup", false, "GET", false, nullptr, "backup"},
    {"/db/load", false, "POST", true, nullptr, "load"},
    {"/db/sql", false, "GET POST", true, nullptr, "SQL analysis"},
    {"/boot", true, "POST", false, nullptr, "boot"},
    {"/snapshot", true, "POST", false, serve_snapshot, {}},
    {"/reap", true, "POST", true, serve_reap, {}},
    {"/remove", false, "DELETE", true, serve_remove, {}},
    {"/status", false, "GET", true, serve_status, {}},
    {"/nodes", false, "GET", true, serve_nodes, {}},
    {"/leader", true, "GET POST", true, serve_leader, {}},
    {"/readyz", false, "GET", false, serve_readyz, {}},
    {"/licenses", true, "GET", false, nullptr, "licenses"},
    {"/debug/vars", true, "", true, nullptr, "counters"},
    {"/debug/pprof", false, "", false, nullptr, "profiling"},
};

}  // namespace

const Route* find_route(std::string_view path) {
  if (path.empty()) path = "/";
  for (const Route& route : kRoutes) {
    if (route.exact ? path == route.path : path.starts_with(route.path)) return &route;
  }
  return nullptr;
}

bool allows(const Route& route, std::string_view method) {
  std::string_view rest = route.methods;
  if (rest.empty()) return true;
  while (!rest.empty()) {
    const auto space = rest.find(' ');
    if (rest.substr(0, space) == method) return true;
    rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  }
  return false;
}

}  // namespace lockstep::api
