// SimNetwork: the network between the simulated machines. Each frame is delayed by a draw, and may
// be lost, doubled, overtaken (datagram-like) or kept in order (TCP-like); links may be cut in one
// direction or both, or clogged for a while. Frames on their way when a link is cut are lost.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "env/peers.h"
#include "sim/event_queue.h"
#include "sim/trace.h"

namespace lockstep::sim {

class SimNetwork {
 public:
  struct Options {
    Duration delay_min = microseconds(100);
    Duration delay_max = milliseconds(2);
    unsigned straggler_per_10k = 50;  // frames that take up to straggler_max
    Duration straggler_max = milliseconds(100);
    unsigned loss_per_10k = 0;
    unsigned double_per_10k = 0;
    bool in_order = false;
    std::uint64_t link_bytes_max = 8u << 20;  // on their way on one link; what does not fit is lost
  };
  using Deliver = std::function<void(std::size_t to, std::string frame)>;
  // Sees every frame a machine sends, before the network decides on it.
  using Watch = std::function<void(std::size_t from, std::string_view frame)>;

  // `queue` and `trace` outlive it.
  SimNetwork(EventQueue& queue, Trace& trace, Rng rng, Options options);

  // Machines are numbered in the order of this call.
  void add_machine(std::string address);
  // From now on the machine is reached at another address, and nobody at its old one.
  void move_machine(std::size_t number, std::string address);
  void on_deliver(Deliver deliver) { deliver_ = std::move(deliver); }
  void watch(Watch watch) { watch_ = std::move(watch); }

  void send(std::size_t from, const std::string& address, std::string frame);

  // Cuts or mends one direction.
  void set_cut(std::size_t from, std::size_t to, bool cut);
  [[nodiscard]] bool is_cut(std::size_t from, std::size_t to) const;
  // Cuts both directions between the two sides (bit i: machine i is on the left).
  void split(std::uint64_t left);
  // Frames sent over the link before `until` leave at `until`.
  void clog(std::size_t from, std::size_t to, TimePoint until);
  // All links whole, nothing clogged; loss, doubling and stragglers end too if `calm`.
  void heal(bool calm);

  [[nodiscard]] std::size_t machines() const { return addresses_.size(); }

 private:
  struct Link {
    bool cut = false;
    TimePoint clogged_until{};
    TimePoint last_delivery{};
    std::uint64_t bytes = 0;
  };
  Link& link(std::size_t from, std::size_t to) { return links_[from * 64 + to]; }
  void launch(std::size_t from, std::size_t to, std::shared_ptr<const std::string> frame);
  Duration draw_delay();

  EventQueue& queue_;
  Trace& trace_;
  Rng rng_;
  Options options_;
  Deliver deliver_;
  Watch watch_;
  std::map<std::string, std::size_t> addresses_;
  std::vector<Link> links_;
};

// env::Peers of one machine.
class SimPeers final : public env::Peers {
 public:
  SimPeers(SimNetwork& network, std::size_t self) : network_(network), self_(self) {}
  void send(const std::string& address, std::string frame) override {
    network_.send(self_, address, std::move(frame));
  }

 private:
  SimNetwork& network_;
  std::size_t self_;
};

}  // namespace lockstep::sim
