#include "host/stderr_log.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <iterator>

namespace lockstep::host {

namespace {

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "DEBUG";
    case LogLevel::info:
      return "INFO";
    case LogLevel::warning:
      return "WARN";
    case LogLevel::error:
      return "ERROR";
  }
  return "?";
}

}  // namespace

void StderrLog::write(LogLevel level, std::string_view module, std::string_view line) {
  const bool raft = module == "raft" || module.starts_with("raft/");
  if (level < (raft ? levels_.raft : levels_.general)) return;
  timespec now{};
  (void)::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  (void)::gmtime_r(&now.tv_sec, &parts);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z {} [{}] ", parts.tm_year + 1900,
                  parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                  now.tv_nsec / 1'000'000, name_of(level), module);
  for (const char c : line) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    text.push_back(control ? '?' : c);
  }
  text.push_back('\n');
  // A lost log line is no reason to stop serving.
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace lockstep::host
