// CHECK: silent and evaluated once when true; one telling line and the end of the process when not.
#include "base/check.h"

#include <gtest/gtest.h>

namespace lockstep {
namespace {

TEST(Check, a_true_fact_is_evaluated_once) {
  int evaluated = 0;
  CHECK(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

TEST(CheckDeathTest, a_false_fact_ends_the_process_and_says_where) {
  const int commit = 5;
  const int applied = 6;
  EXPECT_DEATH(CHECK(applied <= commit),
               "CHECK failed: applied <= commit at .*check_test\\.cc:[0-9]+");
}

}  // namespace
}  // namespace lockstep
