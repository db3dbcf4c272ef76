// StderrLog: the log sink of a real server. One line a message on standard error:
// "2026-01-02T03:04:05.678Z INFO [raft] elected leader of term 3".
#pragma once

#include "base/log.h"

namespace lockstep::host {

struct LogLevels {
  LogLevel general = LogLevel::info;
  LogLevel raft = LogLevel::info;  // modules "raft" and "raft/..."
};

class StderrLog final : public LogSink {
 public:
  explicit StderrLog(LogLevels levels) : levels_(levels) {}
  // One write(2) per line, so that lines of several processes on one terminal stay whole. Control
  // characters are replaced: what a peer sends must not forge lines.
  void write(LogLevel level, std::string_view module, std::string_view line) override;

 private:
  LogLevels levels_;
};

}  // namespace lockstep::host
