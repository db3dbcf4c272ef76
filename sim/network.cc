#include "sim/network.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace lockstep::sim {
namespace {

constexpr std::size_t kMachinesMax = 64;

}  // namespace

SimNetwork::SimNetwork(EventQueue& queue, Trace& trace, Rng rng, Options options)
    : queue_(queue),
      trace_(trace),
      rng_(rng),
      options_(options),
      links_(kMachinesMax * kMachinesMax) {}

void SimNetwork::add_machine(std::string address) {
  CHECK(addresses_.size() < kMachinesMax);
  const bool fresh = addresses_.emplace(std::move(address), addresses_.size()).second;
  CHECK(fresh);
}

void SimNetwork::move_machine(std::size_t number, std::string address) {
  std::erase_if(addresses_, [number](const auto& each) { return each.second == number; });
  const bool fresh = addresses_.emplace(std::move(address), number).second;
  CHECK(fresh);
}

void SimNetwork::send(std::size_t from, const std::string& address, std::string frame) {
  trace_.add_bytes("send", from, frame);
  if (watch_) watch_(from, frame);
  const auto found = addresses_.find(address);
  if (found == addresses_.end()) return;  // Legal: an address that nobody listens at.
  const std::size_t to = found->second;
  if (link(from, to).cut) return;
  if (rng_.chance(options_.loss_per_10k, 10'000)) return;
  const bool twice = rng_.chance(options_.double_per_10k, 10'000);
  const auto shared = std::make_shared<const std::string>(std::move(frame));
  launch(from, to, shared);
  if (twice) launch(from, to, shared);
}

Duration SimNetwork::draw_delay() {
  const auto low = static_cast<std::uint64_t>(options_.delay_min.count());
  const bool straggles = rng_.chance(options_.straggler_per_10k, 10'000);
  const Duration most =
      straggles ? std::max(options_.straggler_max, options_.delay_max) : options_.delay_max;
  return Duration(rng_.between(low, static_cast<std::uint64_t>(most.count())));
}

void SimNetwork::launch(std::size_t from, std::size_t to,
                        std::shared_ptr<const std::string> frame) {
  Link& way = link(from, to);
  if (way.bytes + frame->size() > options_.link_bytes_max) return;
  TimePoint when = std::max(queue_.now(), way.clogged_until) + draw_delay();
  if (options_.in_order) when = std::max(when, way.last_delivery);
  way.last_delivery = std::max(way.last_delivery, when);
  way.bytes += frame->size();
  queue_.at(when, [this, from, to, frame = std::move(frame)] {
    Link& arrived = link(from, to);
    arrived.bytes -= frame->size();
    if (arrived.cut) return;
    trace_.add("deliver", from, to);
    deliver_(to, *frame);
  });
}

void SimNetwork::set_cut(std::size_t from, std::size_t to, bool cut) {
  link(from, to).cut = cut;
}

bool SimNetwork::is_cut(std::size_t from, std::size_t to) const {
  return links_[from * kMachinesMax + to].cut;
}

void SimNetwork::split(std::uint64_t left) {
  for (std::size_t a = 0; a < machines(); ++a) {
    for (std::size_t b = 0; b < machines(); ++b) {
      if ((left >> a & 1) != (left >> b & 1)) link(a, b).cut = true;
    }
  }
}

void SimNetwork::clog(std::size_t from, std::size_t to, TimePoint until) {
  link(from, to).clogged_until = until;
}

void SimNetwork::heal(bool calm) {
  for (Link& each : links_) {
    each.cut = false;
    each.clogged_until = TimePoint{};
  }
  if (!calm) return;
  options_.loss_per_10k = 0;
  options_.double_per_10k = 0;
  options_.straggler_per_10k = 0;
}

}  // namespace lockstep::sim
