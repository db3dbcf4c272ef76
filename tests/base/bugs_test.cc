// The switchable bugs: each has one name that --bug takes, a story that --list-bugs prints, and is
// on only when it alone was switched on.
#include "base/bugs.h"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <string_view>

namespace lockstep {
namespace {

TEST(Bugs, names_are_unique_and_come_back) {
  std::set<std::string_view> names;
  for (const Bug bug : all_bugs()) {
    EXPECT_NE(bug, Bug::none);
    EXPECT_TRUE(names.insert(bug_name(bug)).second) << bug_name(bug);
    EXPECT_EQ(bug_from_name(bug_name(bug)), bug);
  }
  EXPECT_EQ(names.size(), all_bugs().size());
  EXPECT_FALSE(names.contains("none"));
}

TEST(Bugs, every_enumerator_is_listed_in_order) {
  // This is the last enumerator: a bug added without a row makes the count differ.
  const auto bugs = all_bugs();
  ASSERT_EQ(bugs.size(), static_cast<std::size_t>(Bug::ready_behind_image));
  for (std::size_t i = 0; i < bugs.size(); ++i) EXPECT_EQ(static_cast<std::size_t>(bugs[i]), i + 1);
}

TEST(Bugs, names_need_no_quoting_on_a_command_line) {
  for (const Bug bug : all_bugs())
    for (const char c : bug_name(bug))
      EXPECT_TRUE(std::islower(static_cast<unsigned char>(c)) || c == '_') << bug_name(bug);
}

TEST(Bugs, stories_are_one_line) {
  std::set<std::string_view> stories;
  for (const Bug bug : all_bugs()) {
    EXPECT_GT(bug_story(bug).size(), 10u) << bug_name(bug);
    EXPECT_EQ(bug_story(bug).find('\n'), std::string_view::npos);
    EXPECT_TRUE(stories.insert(bug_story(bug)).second) << bug_name(bug);
  }
}

TEST(Bugs, unknown_names_are_refused) {
  EXPECT_FALSE(bug_from_name("").has_value());
  EXPECT_FALSE(bug_from_name("none").has_value());
  EXPECT_FALSE(bug_from_name("Commit_older_term").has_value());
  EXPECT_FALSE(bug_from_name("commit_older_term ").has_value());
}

TEST(Bugs, at_most_one_is_on) {
  for (const Bug on : all_bugs()) {
    switch_bug_on(on);
    for (const Bug bug : all_bugs()) EXPECT_EQ(bug_is_on(bug), bug == on);
    EXPECT_EQ(LOCKSTEP_BUG(commit_older_term), on == Bug::commit_older_term);
  }
  switch_bug_on(Bug::none);
  for (const Bug bug : all_bugs()) EXPECT_FALSE(bug_is_on(bug)) << bug_name(bug);
}

}  // namespace
}  // namespace lockstep
