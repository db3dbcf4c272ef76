#include "node/overdue.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/manual_env.h"

namespace lockstep::node {
namespace {

TEST(Overdue, is_said_after_ten_seconds_and_then_once_a_minute) {
  ManualEnv world;
  const auto& lines = world.log.all;
  Overdue overdue(world.env, "repair");
  std::vector<int> said_at;
  const auto wait_for = [&](int tenths) {
    for (int i = 0; i < tenths; ++i) {
      const std::size_t before = lines.size();
      overdue.waits("n2 is silent");
      if (lines.size() > before) said_at.push_back(i / 10);
      world.clock.advance(milliseconds(100));
    }
  };
  wait_for(1'400);
  EXPECT_EQ(said_at, (std::vector<int>{10, 70, 130}));
  EXPECT_EQ(lines.front(), "repair: n2 is silent");
  overdue.over();
  wait_for(90);
  EXPECT_EQ(lines.size(), 3u);
}

}  // namespace
}  // namespace lockstep::node
