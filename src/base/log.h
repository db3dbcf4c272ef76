// What a node tells its operator: one line a message, through a sink that the world provides
// (standard error in production, the trace in simulation). No global; the sink travels in env::Env.
#pragma once

#include <string>
#include <string_view>

namespace lockstep {

enum class LogLevel { debug, info, warning, error };

class LogSink {
 public:
  virtual ~LogSink() = default;
  // Callable from turns only. `module` is a short literal such as "raft". Never fails, never blocks
  // long.
  virtual void write(LogLevel level, std::string_view module, std::string_view line) = 0;
};

}  // namespace lockstep
