#include "world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>

namespace lockstep::host {

bool run_until(Loop& loop, const std::function<bool()>& holds) {
  loop.io().restart();  // It stopped if it ran out of work since the last call.
  const auto guard = boost::asio::make_work_guard(loop.io());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    loop.io().run_one_for(std::chrono::milliseconds(2));
  }
  return true;
}

void run_for(Loop& loop, Duration time) {
  loop.io().restart();
  const auto guard = boost::asio::make_work_guard(loop.io());
  loop.io().run_for(time);
}

void RecordingLog::write(LogLevel level, std::string_view module, std::string_view line) {
  lines_.emplace_back(level, std::string(module) + ": " + std::string(line));
}
bool RecordingLog::contains(std::string_view text) const {
  for (const auto& [level, line] : lines_)
    if (line.find(text) != std::string::npos) return true;
  return false;
}
std::size_t RecordingLog::count(LogLevel level) const {
  std::size_t n = 0;
  for (const auto& [each, line] : lines_) n += each == level ? 1u : 0u;
  return n;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = testing::TempDir() + "/lockstep.XXXXXX";
  path_ = ::mkdtemp(pattern.data());
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Listening listen_anywhere() {
  const auto listening = listen_on({.host = "127.0.0.1", .port = 0});
  EXPECT_TRUE(listening) << (listening ? "" : listening.error().text);
  return *listening;
}

TcpClient::TcpClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(0, ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to));
}
TcpClient::~TcpClient() {
  close();
}
void TcpClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool TcpClient::send(Loop& loop, std::string_view bytes) {
  return run_until(loop,
                   [&] {
                     const ssize_t n =
                         ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
                     if (n < 0 && errno != EAGAIN) closed_ = true;
                     if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
                     return bytes.empty() || closed_;
                   }) &&
         !closed_;
}

const std::string& TcpClient::received() {
  std::array<char, 65536> chunk;
  for (;;) {
    const ssize_t n = ::recv(fd_, chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (n > 0) received_.append(chunk.data(), static_cast<std::size_t>(n));
    if (n == 0 || (n < 0 && errno != EAGAIN)) closed_ = true;
    if (n <= 0) return received_;
  }
}
bool TcpClient::closed() {
  (void)received();
  return closed_;
}

}  // namespace lockstep::host
