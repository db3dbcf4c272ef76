// What the tests of this folder share: a loop driven until a condition holds, a recording log, a
// temporary folder, and a plain TCP client. Sockets are real, on the loopback interface; nothing
// sleeps in the hope that something has happened by then.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "host/address.h"
#include "host/loop.h"

namespace lockstep::host {

// Runs handlers of `loop` until `holds` or ten seconds have passed; returns whether it holds.
bool run_until(Loop& loop, const std::function<bool()>& holds);
// Runs what is ready and what becomes ready within `time`: to see that something does NOT happen.
void run_for(Loop& loop, Duration time);

class RecordingLog final : public LogSink {
 public:
  void write(LogLevel level, std::string_view module, std::string_view line) override;
  [[nodiscard]] bool contains(std::string_view text) const;
  [[nodiscard]] std::size_t count(LogLevel level) const;

 private:
  std::vector<std::pair<LogLevel, std::string>> lines_;
};

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A port on the loopback interface that listens.
Listening listen_anywhere();

class TcpClient {
 public:
  // Connects to 127.0.0.1; the kernel completes that without the server's help.
  explicit TcpClient(std::uint16_t port);
  ~TcpClient();
  TcpClient(const TcpClient&) = delete;
  TcpClient& operator=(const TcpClient&) = delete;

  // Sends all, running `loop` while the connection is full. False if the other side is gone.
  bool send(Loop& loop, std::string_view bytes);
  // Everything received so far, after taking what is there.
  const std::string& received();
  // The other side has closed (or reset).
  bool closed();
  void close();

 private:
  int fd_;
  bool closed_ = false;
  std::string received_;
};

}  // namespace lockstep::host
