#include "sim/network.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lockstep::sim {
namespace {

struct Net {
  explicit Net(SimNetwork::Options options) : network(queue, trace, Rng(7), options) {
    for (const char* name : {"a", "b", "c"}) network.add_machine(name);
    network.on_deliver([this](std::size_t to, std::string frame) {
      arrived.push_back(std::to_string(to) + frame);
    });
  }
  void run() {
    while (queue.step()) {
    }
  }
  EventQueue queue;
  Trace trace;
  SimNetwork network;
  std::vector<std::string> arrived;
};

TEST(SimNetwork, delivers_each_frame_once_to_its_address_when_nothing_is_broken) {
  Net net({});
  for (int i = 0; i < 100; ++i) net.network.send(0, i % 2 == 0 ? "b" : "c", std::to_string(i));
  net.network.send(0, "nobody", "x");
  net.run();
  EXPECT_EQ(net.arrived.size(), 100U);
  EXPECT_EQ(std::count(net.arrived.begin(), net.arrived.end(), "142"), 1);
}

TEST(SimNetwork, keeps_order_only_if_told_to) {
  for (const bool in_order : {true, false}) {
    Net net({.in_order = in_order});
    std::vector<std::string> sent;
    for (int i = 0; i < 200; ++i) {
      sent.push_back("1" + std::to_string(i));
      net.network.send(0, "b", std::to_string(i));
    }
    net.run();
    EXPECT_EQ(net.arrived == sent, in_order);
  }
}

TEST(SimNetwork, loses_and_doubles_about_as_often_as_asked) {
  Net net({.loss_per_10k = 3'000, .double_per_10k = 1'000});
  for (int i = 0; i < 10'000; ++i) net.network.send(0, "b", "x");
  net.run();
  EXPECT_NEAR(static_cast<double>(net.arrived.size()), 7'700, 300);
}

TEST(SimNetwork, a_one_way_cut_stops_one_direction_and_what_is_under_way) {
  Net net({});
  net.network.send(0, "b", "under way");
  net.network.set_cut(0, 1, true);
  net.network.send(0, "b", "x");
  net.network.send(1, "a", "y");
  net.run();
  EXPECT_EQ(net.arrived, std::vector<std::string>{"0y"});
}

TEST(SimNetwork, a_split_separates_the_sides_until_it_is_healed) {
  Net net({});
  net.network.split(0b001);
  net.network.send(0, "b", "x");
  net.network.send(1, "c", "y");
  net.run();
  net.network.heal(false);
  net.network.send(0, "b", "z");
  net.run();
  EXPECT_EQ(net.arrived, (std::vector<std::string>{"2y", "1z"}));
}

TEST(SimNetwork, a_clogged_link_holds_frames_back) {
  Net net({});
  net.network.clog(0, 1, TimePoint{} + seconds(5));
  net.network.send(0, "b", "x");
  net.run();
  EXPECT_GE(net.queue.now(), TimePoint{} + seconds(5));
  EXPECT_EQ(net.arrived.size(), 1U);
}

TEST(SimNetwork, drops_what_exceeds_the_bound_of_a_link) {
  Net net({.link_bytes_max = 100});
  for (int i = 0; i < 5; ++i) net.network.send(0, "b", std::string(40, 'x'));
  net.run();
  EXPECT_EQ(net.arrived.size(), 2U);
  net.network.send(0, "b", "y");
  net.run();
  EXPECT_EQ(net.arrived.size(), 3U);
}

}  // namespace
}  // namespace lockstep::sim
