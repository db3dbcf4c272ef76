// TermLog against the plain vector it compresses.
#include "raft/term_log.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace lockstep::raft {
namespace {

TEST(TermLog, starts_at_its_base) {
  const TermLog log(Position{LogIndex{7}, Term{3}});
  EXPECT_EQ(log.last(), (Position{LogIndex{7}, Term{3}}));
  EXPECT_EQ(log.term_at(LogIndex{7}), Term{3});
  EXPECT_EQ(log.term_at(LogIndex{6}), std::nullopt);
  EXPECT_EQ(log.term_at(LogIndex{8}), std::nullopt);
}

TEST(TermLog, finds_the_last_position_of_a_term_at_most) {
  TermLog log(Position{});
  for (const std::uint64_t term : {1, 1, 4, 4, 4, 6}) log.append(Term{term}, 0);
  EXPECT_EQ(log.last_at_most(LogIndex{6}, Term{5}), (Position{LogIndex{5}, Term{4}}));
  EXPECT_EQ(log.last_at_most(LogIndex{4}, Term{5}), (Position{LogIndex{4}, Term{4}}));
  EXPECT_EQ(log.last_at_most(LogIndex{99}, Term{3}), (Position{LogIndex{2}, Term{1}}));
  EXPECT_EQ(log.last_at_most(LogIndex{6}, Term{0}), Position{});
}

TEST(TermLog, a_span_has_at_least_one_entry_and_stops_at_the_bound) {
  TermLog log(Position{});
  for (const std::uint32_t size : {100, 100, 1000, 0}) log.append(Term{1}, size);
  EXPECT_EQ(log.span_from(LogIndex{1}, 1).count, 1u);
  EXPECT_EQ(log.span_from(LogIndex{1}, 300).count, 2u);
  EXPECT_EQ(log.span_from(LogIndex{1}, 1u << 20).count, 4u);
  EXPECT_EQ(log.span_from(LogIndex{5}, 1u << 20).count, 0u);
  EXPECT_GT(log.span_from(LogIndex{4}, 1).bytes, 0u);  // empty entries weigh something
}

RC_GTEST_PROP(TermLog, is_the_vector_it_compresses, ()) {
  TermLog log(Position{});
  std::vector<std::uint64_t> model;  // model[i]: term of entry i + 1
  std::uint64_t base = 0;
  std::uint64_t term = 1;
  const int steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    const auto position = *rc::gen::inRange<std::uint64_t>(base, model.size() + 1);
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
        log.truncate_after(LogIndex{position});
        model.resize(position);
        break;
      case 1:
        log.compact(LogIndex{position});
        base = position;
        break;
      default:
        term += *rc::gen::inRange<std::uint64_t>(0, 2);
        log.append(Term{term}, 1);
        model.push_back(term);
    }
    RC_ASSERT(log.base().index.value == base);
    RC_ASSERT(log.last_index().value == model.size());
    for (std::uint64_t index = base; index <= model.size(); ++index) {
      const std::uint64_t expected = index == 0 ? 0 : model[index - 1];
      RC_ASSERT(log.term_at(LogIndex{index}) == Term{expected});
    }
    const auto limit = *rc::gen::inRange<std::uint64_t>(0, term + 2);
    std::uint64_t best = model.size();
    while (best > base && model[best - 1] > limit) --best;
    RC_ASSERT(log.last_at_most(log.last_index(), Term{limit}).index.value == best);
  }
}

}  // namespace
}  // namespace lockstep::raft
