#include "node/overdue.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sim/disk.h"
#include "tests/manual_turns.h"

namespace lockstep::node {
namespace {

class NoLanes final : public env::Lanes {
  void run(env::LaneId, env::Task, env::Task) override {}
  [[nodiscard]] unsigned read_lanes() const override { return 1; }
};
class NoPeers final : public env::Peers {
  void send(const std::string&, std::string) override {}
};
class Lines final : public LogSink {
 public:
  void write(LogLevel, std::string_view module, std::string_view line) override {
    all.push_back(std::string(module) + ": " + std::string(line));
  }
  std::vector<std::string> all;
};

TEST(Overdue, is_said_after_ten_seconds_and_then_once_a_minute) {
  ManualClock clock;
  ManualTurns turns(clock);
  NoLanes lanes;
  sim::SimDisk disk{Rng(1)};
  NoPeers peers;
  Lines lines;
  Overdue overdue(env::Env{clock, turns, lanes, disk, peers, lines}, "repair");
  std::vector<int> said_at;
  const auto wait_for = [&](int tenths) {
    for (int i = 0; i < tenths; ++i) {
      const std::size_t before = lines.all.size();
      overdue.waits("n2 is silent");
      if (lines.all.size() > before) said_at.push_back(i / 10);
      clock.advance(milliseconds(100));
    }
  };
  wait_for(1'400);
  EXPECT_EQ(said_at, (std::vector<int>{10, 70, 130}));
  EXPECT_EQ(lines.all.front(), "repair: n2 is silent");
  overdue.over();
  wait_for(90);
  EXPECT_EQ(lines.all.size(), 3u);
}

}  // namespace
}  // namespace lockstep::node
