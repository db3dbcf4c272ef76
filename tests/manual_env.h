// An env::Env for a single part of a node: time goes by when the test says so, a lane's job is done
// at once, and what follows it is a turn.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "env/env.h"
#include "sim/disk.h"
#include "tests/manual_turns.h"

namespace lockstep {

class InlineLanes final : public env::Lanes {
 public:
  explicit InlineLanes(env::Turns& turns) : turns_(turns) {}
  void run(env::LaneId, env::Task work, env::Task done) override {
    work();
    turns_.post(std::move(done));
  }
  [[nodiscard]] unsigned read_lanes() const override { return 1; }

 private:
  env::Turns& turns_;
};

class NoPeers final : public env::Peers {
  void send(const std::string&, std::string) override {}
};

class LogLines final : public LogSink {
 public:
  void write(LogLevel, std::string_view module, std::string_view line) override {
    all.push_back(std::string(module) + ": " + std::string(line));
  }
  [[nodiscard]] int count(std::string_view what) const {
    int found = 0;
    for (const std::string& line : all) found += line.find(what) != std::string::npos ? 1 : 0;
    return found;
  }
  std::vector<std::string> all;
};

struct ManualEnv {
  ManualClock clock;
  ManualTurns turns{clock};
  InlineLanes lanes{turns};
  sim::SimDisk disk{Rng(1)};
  NoPeers peers;
  LogLines log;
  env::Env env{clock, turns, lanes, disk, peers, log};
};

}  // namespace lockstep
