// Random commands for the tests: a small schema, every statement kind that matters for durability
// and determinism, all drawn from a seed.
#pragma once

#include <string>
#include <vector>

#include "base/rng.h"
#include "tests/sql/support.h"

namespace lockstep::sql {

// The commands that create what random_command() works on.
std::vector<std::string> schema_commands();
std::string random_command(Rng& rng);

}  // namespace lockstep::sql
