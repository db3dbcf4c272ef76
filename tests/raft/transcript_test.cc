// Plays every transcript of tests/data/raft/ and compares what happens with what is written there.
// To rewrite them after an intended change: LOCKSTEP_REWRITE_TRANSCRIPTS=1, then read the diff.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "script.h"

namespace lockstep::raft::test {
namespace {

std::map<std::string, std::filesystem::path> transcripts() {
  std::map<std::string, std::filesystem::path> found;
  const std::filesystem::path folder = std::filesystem::path(LOCKSTEP_TEST_DATA) / "raft";
  for (const auto& file : std::filesystem::directory_iterator(folder))
    if (file.path().extension() == ".txt") found[file.path().stem().string()] = file.path();
  return found;
}

std::vector<std::string> names() {
  std::vector<std::string> list;
  for (const auto& [name, path] : transcripts()) list.push_back(name);
  return list;
}

class Transcript : public testing::TestWithParam<std::string> {};

TEST_P(Transcript, happens_as_written) {
  const std::filesystem::path path = transcripts().at(GetParam());
  std::ifstream file(path);
  const std::string written{std::istreambuf_iterator<char>(file), {}};
  ASSERT_NE(written.find("> "), std::string::npos);
  Script script;
  const std::string happened = script.play(written);
  if (std::getenv("LOCKSTEP_REWRITE_TRANSCRIPTS") != nullptr) std::ofstream(path) << happened;
  EXPECT_EQ(happened, written);
  // A transcript with a bug is there to show its harm; all others do none.
  EXPECT_EQ(script.violated(), script.bug_was_on());
}

INSTANTIATE_TEST_SUITE_P(Core, Transcript, testing::ValuesIn(names()),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace lockstep::raft::test
