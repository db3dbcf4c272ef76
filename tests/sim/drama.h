// What the scripted dramas share: a calm cluster, and short words for asking it.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "sim/answer.h"
#include "sim/finale.h"
#include "sim/world.h"

namespace lockstep::sim {

class Drama : public testing::Test {
 protected:
  void begin(std::size_t nodes, std::uint64_t seed = 1) {
    Swarm swarm = calm_swarm();
    swarm.nodes = nodes;
    begin(swarm, seed);
  }
  void begin(const Swarm& swarm, std::uint64_t seed) {
    world.emplace(seed, swarm);
    world->start();
    ASSERT_TRUE(converge(*world, seconds(30))) << violation();
    ASSERT_TRUE(set_up(*world, seconds(10))) << violation();
  }

  std::string violation() {
    const auto& first = world->violations().first();
    return first ? first->rule + ": " + first->text : "";
  }

  // True: acknowledged.
  bool write(std::size_t machine, std::int64_t key, std::int64_t value) {
    return ask({.act = Act::write, .key = key, .value = value, .machine = machine}).outcome ==
           check::Outcome::ok;
  }

  // The value, "nil" for a key without row, or "" if there was no answer.
  std::string read(std::size_t machine, std::int64_t key, check::Level level) {
    const Answer answer = ask({.act = Act::read, .level = level, .key = key, .machine = machine});
    if (answer.outcome != check::Outcome::ok) return "";
    const auto& rows = answer.results.at(0).rows;
    return rows.empty() ? "nil" : rows.at(0).at(0).value_or("nil");
  }

  Answer ask(const Task& task) {
    auto response = world->ask(task.machine, make_request(task, 3, seconds(2), false), seconds(2));
    Exchange exchange;
    if (response) exchange = {.fate = Fate::answered, .response = std::move(*response)};
    return read_answer(exchange);
  }

  // A leader other than `old`.
  std::optional<std::size_t> new_leader(std::size_t old) {
    world->run_until([&] { return world->leader() && *world->leader() != old; }, seconds(10));
    return world->leader() == old ? std::nullopt : world->leader();
  }

  std::optional<World> world;
};

}  // namespace lockstep::sim
