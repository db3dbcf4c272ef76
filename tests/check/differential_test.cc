// The checker against the definition, on many small histories; and its two searches against each
// other, on larger ones.
#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "sim/check_linear.h"
#include "sim/check_search.h"
#include "tests/check/brute_force.h"
#include "tests/check/random_history.h"

namespace lockstep::check {
namespace {

constexpr std::array kModels{Model::reg, Model::cas_register, Model::mutex, Model::kv,
                             Model::multi_register};

std::string print(const History& history) {
  std::string out;
  for (const Operation& o : history.operations) out += describe(o, history.unit) + "\n";
  return out;
}

struct Tally {
  int valid = 0;
  int invalid = 0;
};

RandomShape small_shape(Rng& rng, Model model) {
  RandomShape shape{.model = model};
  shape.operations = static_cast<std::uint32_t>(rng.between(2, 7));
  shape.clients = static_cast<std::uint32_t>(rng.between(2, 5));
  shape.values = static_cast<std::uint32_t>(rng.between(1, 4));
  shape.keys = static_cast<std::uint32_t>(rng.between(1, 2));
  shape.info_percent = static_cast<std::uint32_t>(rng.below(3) * 15);
  shape.wrong_percent = static_cast<std::uint32_t>(rng.below(3) * 15);
  shape.ties_percent = rng.chance(1, 4) ? 30 : 0;
  return shape;
}

TEST(Differential, agrees_with_the_definition_on_small_histories) {
  constexpr int kCases = 24'000;  // of each model
  for (const Model model : kModels) {
    Rng rng(1000 + static_cast<std::uint64_t>(model));
    Tally tally;
    for (int i = 0; i < kCases; ++i) {
      const RandomShape shape = small_shape(rng, model);
      const History history = random_history(rng, shape);
      const bool expected = brute_force_linearizable(history, model, std::nullopt);
      const auto result =
          check_linear(history, model, std::nullopt, Limits{.minimise_steps_max = 0, .stop = {}});
      ASSERT_TRUE(result) << result.error().text;
      ASSERT_EQ(result->verdict, expected ? Verdict::valid : Verdict::invalid)
          << "model " << static_cast<int>(model) << " case " << i << "\n"
          << print(history);
      ++(expected ? tally.valid : tally.invalid);
    }
    EXPECT_GT(tally.valid, kCases / 10);
    EXPECT_GT(tally.invalid, kCases / 10);
  }
}

TEST(Differential, names_the_first_return_that_cannot_be_passed) {
  for (const Model model : kModels) {
    Rng rng(2000 + static_cast<std::uint64_t>(model));
    int invalid = 0;
    for (int i = 0; i < 3000; ++i) {
      RandomShape shape = small_shape(rng, model);
      shape.keys = model == Model::multi_register ? 2 : 1;
      shape.ties_percent = 0;
      const History history = random_history(rng, shape);
      if (split(history, model).size() > 1) continue;  // The first object that fails is named.
      const auto expected = brute_force_first_failure(history, model, std::nullopt);
      const auto result = check_linear(history, model, std::nullopt);
      ASSERT_TRUE(result);
      ASSERT_EQ(result->failure.has_value(), expected.has_value()) << print(history);
      if (!expected) continue;
      ++invalid;
      ASSERT_EQ(result->failure->failed, *expected) << print(history) << result->failure->words;
    }
    EXPECT_GT(invalid, 200);
  }
}

TEST(Differential, a_small_example_is_itself_impossible) {
  for (const Model model : kModels) {
    Rng rng(3000 + static_cast<std::uint64_t>(model));
    for (int i = 0; i < 2000; ++i) {
      const History history = random_history(rng, small_shape(rng, model));
      const auto result = check_linear(history, model, std::nullopt);
      ASSERT_TRUE(result);
      if (result->verdict != Verdict::invalid) continue;
      const Counterexample& failure = *result->failure;
      const std::int64_t end = history.operations[failure.failed].returned;
      History core;
      for (const std::uint32_t n : failure.core) {
        Operation o = history.operations[n];
        if (std::pair(o.returned, n) > std::pair(end, failure.failed)) o.returned = kOpen;
        core.operations.push_back(std::move(o));
      }
      ASSERT_TRUE(std::ranges::count(failure.core, failure.failed) == 1);
      ASSERT_FALSE(brute_force_linearizable(core, model, std::nullopt))
          << print(history) << failure.words;
    }
  }
}

TEST(Differential, both_searches_agree_on_larger_histories) {
  const Budget budget{.steps = 50'000'000, .configurations = 4'000'000, .stop = {}};
  for (const Model model : kModels) {
    Rng rng(4000 + static_cast<std::uint64_t>(model));
    Tally tally;
    for (int i = 0; i < 200; ++i) {
      RandomShape shape{.model = model, .operations = 60, .clients = 5, .values = 3};
      shape.keys = model == Model::multi_register ? 2 : 1;
      shape.info_percent = static_cast<std::uint32_t>(rng.below(3) * 4);
      shape.wrong_percent = static_cast<std::uint32_t>(rng.below(4));
      const History history = random_history(rng, shape);
      for (const Part& part : split(history, model)) {
        const auto problem = compile(history, part, model, std::nullopt);
        ASSERT_TRUE(problem);
        const Search depth = search_depth(*problem, budget);
        const Search breadth = search_breadth(*problem, budget);
        ASSERT_NE(depth.found, Found::unfinished);
        ASSERT_EQ(depth.found, breadth.found) << print(history);
        if (depth.found == Found::illegal) {
          ASSERT_EQ(depth.failed_at, breadth.failed_at) << print(history);
        }
        ++(depth.found == Found::legal ? tally.valid : tally.invalid);
      }
    }
    EXPECT_GT(tally.valid, 15);
    EXPECT_GT(tally.invalid, 15);
  }
}

}  // namespace
}  // namespace lockstep::check
