// RaftLog against a vector: any history of writes, drops, resets and reopenings (rapidcheck draws
// and shrinks it) leaves the log equal to the model, and every range reads back.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/storage/support.h"

namespace lockstep::storage {
namespace {

using namespace test;

void check_range(RaftLog::Opened& opened, const Model& model, std::uint64_t base, Rng& rng) {
  if (base == model.last_index()) return;
  const std::uint64_t first = rng.between(base + 1, model.last_index());
  const std::uint64_t end = rng.between(first + 1, model.last_index() + 1);
  const std::uint64_t bytes = rng.below(20000);
  const auto entries = opened.log->read(LogIndex{first}, LogIndex{end}, bytes);
  RC_ASSERT(entries.has_value());
  RC_ASSERT(!entries->empty());
  RC_ASSERT(entries->size() <= end - first);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < entries->size(); ++i) {
    RC_ASSERT((*entries)[i] == model.at(first + i));
    total += (*entries)[i].payload.size();
  }
  RC_ASSERT(entries->size() == 1 || total <= bytes);
  if (entries->size() < end - first)
    RC_ASSERT(total + model.at(first + entries->size()).payload.size() > bytes);
}

RC_GTEST_PROP(LogProperty, equals_a_vector, ()) {
  const auto kinds = *rc::gen::container<std::vector<std::pair<std::uint8_t, std::uint64_t>>>(
      rc::gen::pair(rc::gen::inRange<std::uint8_t>(0, 10), rc::gen::arbitrary<std::uint64_t>()));
  sim::SimDisk disk(Rng(1));
  auto opened = open_log(disk);
  Model model;
  std::uint64_t floor = 0;
  for (const auto& [kind, draw] : kinds) {
    Rng rng(draw);
    if (kind < 7) {
      const Step step = draw_step(rng, model, floor, 9000);
      RC_ASSERT(step.carry_out(*opened.log).has_value());
    } else if (kind == 7) {
      opened.log.reset();
      opened = open_log(disk, 4096 * rng.between(2, 8), draw);
      RC_ASSERT(opened.recovered.base.index.value <= floor);
      RC_ASSERT(!opened.torn_tail_cut);
      RC_ASSERT(equals(opened, model));
    } else {
      check_range(opened, model, floor, rng);
    }
  }
  opened.log.reset();
  RC_ASSERT(equals(open_log(disk), model));
}

}  // namespace
}  // namespace lockstep::storage
