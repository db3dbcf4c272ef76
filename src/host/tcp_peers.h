// TcpPeers: env::Peers over TCP. One outgoing connection per address, opened when there is
// something to send and kept; a broken one is opened again with a back-off that stays below half a
// second, so that a node that comes back is heard at once.
//
// Loss: frames to an address whose queue is full are dropped (Raft sends again); so are frames that
// waited too long for a connection, since stale ones help nobody; so is what was in flight when a
// connection broke. A frame is never sent twice.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/rng.h"
#include "base/time.h"
#include "env/peers.h"

namespace lockstep::host {

class Loop;

struct PeersOptions {
  std::uint64_t queue_bytes_max = 64u << 20;  // per address; a single larger frame still fits
  std::size_t addresses_max = 256;  // beyond: idle connections go, or the frame is dropped
  Duration backoff_min = milliseconds(5);
  Duration backoff_max = milliseconds(500);
  Duration connect_timeout = seconds(2);
  // Sent but unacknowledged data for this long breaks the connection (TCP_USER_TIMEOUT).
  Duration silence_max = seconds(2);
  Duration stale_after = seconds(1);
  std::uint64_t seed = 0;  // back-off jitter
};

class TcpPeers final : public env::Peers {
 public:
  // `loop` and `log` outlive this object.
  TcpPeers(Loop& loop, LogSink& log, PeersOptions options);
  ~TcpPeers() override;  // stop()

  void send(const std::string& address, std::string frame) override;

  // Closes all connections; send() does nothing afterwards.
  void stop();

  // Frames dropped so far, for the status page.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  class Link;
  struct Shared;
  bool make_room();

  std::shared_ptr<Shared> shared_;
  std::map<std::string, std::shared_ptr<Link>> links_;
};

}  // namespace lockstep::host
