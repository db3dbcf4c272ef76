// lockstepd: one node. Prepares the process, reads the flags, runs the server.
#include <malloc.h>
#include <sys/resource.h>
#include <time.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <vector>

#include "host/flags.h"
#include "host/server.h"
#include "host/version.h"
#include "sql/fingerprint.h"

namespace {

// Freed memory up to this much is kept: giving it back and faulting it in again with every batch of
// requests would cost more than the requests.
constexpr int kKeptMemoryBytes = 8 << 20;
// An allocation of so much gets pages of its own, which go back when it is freed.
constexpr int kMappedAloneBytes = 4 << 20;

int fatal(const char* text) {
  std::fprintf(stderr, "fatal: %s\n", text);
  return 1;
}

// Before any thread exists: the environment and signal actions are the process's.
void prepare_process() {
  // SQLite's 'localtime' must mean the same on every replica.
  (void)::setenv("TZ", "UTC", 1);
  ::tzset();
  // A connection that breaks is an error of its write, not the end of the process.
  (void)std::signal(SIGPIPE, SIG_IGN);
  (void)::mallopt(M_TRIM_THRESHOLD, kKeptMemoryBytes);
  // Said, because to set any of these stops the C library from raising it by itself: each piece of
  // an image, 256 KiB, would be pages mapped, faulted in and unmapped again, several times over.
  (void)::mallopt(M_MMAP_THRESHOLD, kMappedAloneBytes);
  (void)::mallopt(M_TOP_PAD, 256 << 10);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
  }
}

// The first line as rqlite's.
void print_version() {
  const lockstep::sql::SqliteBuild build = lockstep::sql::sqlite_build();
  std::printf("lockstepd %s linux sqlite%s (%s)\n", lockstep::host::kVersion, build.version.c_str(),
              __VERSION__);
  std::printf("sqlite3 %s of Debian, source %s\n", build.package.c_str(), build.source_id.c_str());
  std::printf("mathematical functions of musl %s of Debian\n", build.math_package.c_str());
  std::printf("fingerprint %s\n", to_string(lockstep::sql::fingerprint()).c_str());
}

int run(std::vector<std::string_view> arguments) {
  using namespace lockstep::host;
  auto line = parse_command_line(arguments);
  if (!line) return fatal(line.error().text.c_str());
  switch (line->want) {
    case Want::help:
      std::fputs(help_text().c_str(), stdout);
      return 0;
    case Want::version:
      print_version();
      return 0;
    case Want::run:
      break;
  }
  return Server(std::move(line->config)).run();
}

}  // namespace

// Exceptions of libraries end here; our own code throws none.
int main(int argc, char** argv) {
  prepare_process();
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    return fatal(error.what());
  }
}
