// One HTTP GET to find out what listens at an address: an HTTP server (and what it answers), a port
// that speaks something else, or nobody. Used to tell HTTP from Raft addresses in -join.
#pragma once

#include <functional>
#include <string>

#include "base/time.h"
#include "host/address.h"

namespace lockstep::host {

class Loop;

struct ProbeResult {
  enum class Kind {
    silent,    // nobody there, or no answer in time; `why` says which
    not_http,  // the connection was accepted, then closed or answered with something else
    http,      // `status` and `body`
  } kind = Kind::silent;
  unsigned status = 0;
  std::string body = {};
  std::string why = {};
};

// Strand thread. Asks for `path`; `done` runs as a handler of the loop, exactly once, at the latest
// after `timeout`, never inside this call. At most 1 MiB of an answer is read.
void http_probe(Loop& loop, const HostPort& address, std::string path, Duration timeout,
                std::function<void(ProbeResult)> done);

// Takes a whole HTTP/1.x answer apart; not_http if it is none.
ProbeResult parse_http_answer(std::string_view bytes);

}  // namespace lockstep::host
