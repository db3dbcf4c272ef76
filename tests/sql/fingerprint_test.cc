#include "sql/fingerprint.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace lockstep::sql {
namespace {

TEST(Fingerprint, names_what_sqlite_was_built_from) {
  const SqliteBuild build = sqlite_build();
  EXPECT_EQ(build.version, SQLITE_VERSION);
  EXPECT_EQ(build.source_id, SQLITE_SOURCE_ID);
  EXPECT_TRUE(build.package.starts_with(build.version + "-")) << build.package;
  EXPECT_TRUE(build.math_package.starts_with("1.2.5-")) << build.math_package;
  EXPECT_GT(build.options.size(), 20u);
}

TEST(Fingerprint, is_equal_only_if_all_of_it_is) {
  const Fingerprint one = fingerprint();
  EXPECT_EQ(one, fingerprint());
  // Of every compiler and machine. (The source is not: Debian's revision may move.)
  EXPECT_EQ(one.options, 0x2364771d4b7c8f70u);
  EXPECT_EQ(one.numbers, 0x2bc8b03b1c235570u);
  EXPECT_EQ(to_string(one).substr(0, 2), "1-");
  Fingerprint other = one;
  other.numbers ^= 1;
  EXPECT_NE(one, other);
  EXPECT_NE(to_string(one), to_string(other));
}

}  // namespace
}  // namespace lockstep::sql
