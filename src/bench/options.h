// What lockstep-bench was asked to do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace lockstep::bench {

enum class Work { write, read, ready };

struct Address {
  std::string host = "127.0.0.1";
  std::string port = "4001";
};

struct Options {
  std::vector<Address> targets = {{}};  // connections are spread over them
  Work work = Work::write;
  std::string level = "weak";  // read
  unsigned connections = 1;
  unsigned statements = 1;  // per request
  unsigned seconds = 5;
  std::uint64_t requests = 0;  // so many instead of `seconds`; 0 = until the time is up
  std::uint64_t rate = 0;      // open loop: requests a second over all connections; 0 = closed loop
  std::uint64_t rows = 1000;   // read: rows of the table that is read; bound to the ? of `sql`
  std::string sql;             // the statement to send in place of ours, on a table of the user's
  std::string log;             // a file for the time and latency of every request
  std::uint64_t server_pid = 0;  // reports the CPU time of this process for the run; 0 = do not
  std::string disk;  // a folder: measure the bare 4 KiB overwrite + fdatasync there instead
  bool json = false;
  bool help = false;
};

std::string usage();
// Errc::invalid: what is wrong with which option, in one line.
Result<Options> parse_options(const std::vector<std::string>& arguments);

}  // namespace lockstep::bench
