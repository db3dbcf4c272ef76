// Which endpoint a path and method lead to.
#pragma once

#include <string_view>

#include "api/context.h"

namespace lockstep::api {

struct Route {
  std::string_view path;
  bool exact = false;        // else every path with this beginning, as rqlite has it
  std::string_view methods;  // separated by spaces; empty: any
  bool json = false;         // answers JSON, and labels even an empty 405 so
  Serve serve = nullptr;     // null: not there yet, `missing` says what
  std::string_view missing;
};

// Null: 404.
const Route* find_route(std::string_view path);
bool allows(const Route& route, std::string_view method);

}  // namespace lockstep::api
