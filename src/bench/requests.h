// The HTTP requests that lockstep-bench sends, as bytes, and what a good answer looks like.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/connection.h"
#include "bench/options.h"

namespace lockstep::bench {

// Requests to send once before the run: the table, and for reads its rows.
std::vector<std::string> preparation(const Options& options);
// The `number`-th request of the run.
std::string make_request(const Options& options, std::uint64_t number);
// Status 200 and no "error" in a body of results.
bool is_good(const Options& options, const Reply& reply);

}  // namespace lockstep::bench
