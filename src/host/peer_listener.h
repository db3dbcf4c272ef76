// PeerListener: the Raft port. Accepts links of other nodes (host/link.h) and hands each whole
// frame to a callback, as a turn. It never answers on a link; who speaks something else is cut off
// with one log line (an HTTP request with none: that is how a starting node asks what a port is).
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/log.h"
#include "base/time.h"
#include "host/address.h"

namespace lockstep::host {

class Loop;

struct ListenerOptions {
  std::size_t links_max = 1024;  // beyond: refused
  std::uint64_t frame_bytes_max = 256u << 20;
  Duration greeting_timeout = seconds(5);  // a connection that says nothing is closed
};

class PeerListener {
 public:
  // The view is valid during the call.
  using OnFrame = std::function<void(std::string_view frame)>;

  // Takes over the socket. `loop` and `log` outlive this object.
  PeerListener(Loop& loop, LogSink& log, Listening socket, ListenerOptions options,
               OnFrame on_frame);
  ~PeerListener();  // stop()
  PeerListener(const PeerListener&) = delete;
  PeerListener& operator=(const PeerListener&) = delete;

  // Closes the port and every link; no callback afterwards. Legal inside the callback.
  void stop();
  [[nodiscard]] std::size_t links() const;

 private:
  class Link;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lockstep::host
