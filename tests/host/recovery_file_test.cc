#include "host/recovery_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "world.h"

namespace lockstep::host {
namespace {

std::string trouble_of(std::string_view text) {
  const auto members = parse_recovery_members(text);
  return members ? "" : members.error().text;
}

constexpr const char* kTwo =
    R"([{"id":"2","address":"b:2","non_voter":true},{"id":"1","address":"a:2"}])";

TEST(RecoveryFile, members_are_read) {
  const auto members = parse_recovery_members(kTwo);
  ASSERT_TRUE(members) << members.error().text;
  raft::Membership expected;
  expected.put({NodeId{"1"}, "a:2", true});
  expected.put({NodeId{"2"}, "b:2", false});
  EXPECT_EQ(*members, expected);
}

TEST(RecoveryFile, mistakes_are_named) {
  const std::string form = "must be an array with at least one member";
  EXPECT_TRUE(trouble_of("").starts_with("not JSON: "));
  EXPECT_TRUE(trouble_of(std::string(kTwo) + "]").starts_with("not JSON: "));
  EXPECT_EQ(trouble_of("[]"), form);
  EXPECT_EQ(trouble_of(R"({"id":"1","address":"a:2"})"), form);
  EXPECT_EQ(trouble_of(R"(["a:2"])"), "every member must be an object");
  EXPECT_EQ(trouble_of(R"([{"address":"a:2"}])"), "a member has no id");
  EXPECT_EQ(trouble_of(R"([{"id":"","address":"a:2"}])"), "a member has no id");
  EXPECT_EQ(trouble_of(R"([{"id":"1"}])"), "member 1: address \"\": must be host:port");
  EXPECT_NE(trouble_of(R"([{"id":"1","address":"http://a:2"}])"), "");
  EXPECT_EQ(trouble_of(R"([{"id":"1","address":"0.0.0.0:2"}])"),
            "member 1: nobody can be reached at 0.0.0.0:2");
  EXPECT_EQ(trouble_of(R"([{"id":"1","address":"a:0"}])"),
            "member 1: nobody can be reached at a:0");
  const std::string names = R"(: a member has an "id", an "address" and maybe "non_voter": true)";
  EXPECT_EQ(trouble_of(R"([{"id":"1","address":"a:2","nonvoter":true}])"),
            "unexpected \"nonvoter\"" + names);
  EXPECT_EQ(trouble_of(R"([{"id":1,"address":"a:2"}])"), "unexpected \"id\"" + names);
  EXPECT_EQ(trouble_of(R"([{"id":"1","address":"a:2"},{"id":"1","address":"b:2"}])"),
            "id 1 is there twice");
  EXPECT_EQ(trouble_of(R"([{"id":"1","address":"a:2"},{"id":"2","address":"a:2"}])"),
            "address a:2 is there twice");
  EXPECT_EQ(trouble_of(R"([{"id":"1","address":"a:2","non_voter":true}])"),
            "at least one member must have a vote");
}

class RecoveryFolder : public testing::Test {
 protected:
  void write(std::string_view text) {
    std::filesystem::create_directories(folder_.path() + "/raft");
    std::ofstream(file()) << text;
  }
  [[nodiscard]] std::string file() const { return folder_.path() + "/raft/peers.json"; }
  auto read(const char* self, const char* address) {
    return read_recovery_file(folder_.path(), NodeId{self}, address);
  }
  TemporaryFolder folder_;
};

TEST_F(RecoveryFolder, no_file_is_no_recovery) {
  auto none = read("1", "a:2");
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  std::filesystem::create_directories(folder_.path() + "/raft");
  none = read("1", "a:2");
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
}

TEST_F(RecoveryFolder, this_node_must_be_among_the_members_at_its_address) {
  write(kTwo);
  const auto members = read("1", "a:2");
  ASSERT_TRUE(members);
  ASSERT_TRUE(*members);
  EXPECT_EQ((*members)->members.size(), 2u);
  EXPECT_EQ(read("3", "a:2").error().text, file() + ": this node, 3, is not among the members");
  EXPECT_EQ(read("1", "x:2").error().text,
            file() + ": this node, 1, is reached at x:2, not at a:2");
}

TEST_F(RecoveryFolder, errors_name_the_file) {
  write("[]");
  EXPECT_EQ(read("1", "a:2").error().code, Errc::invalid);
  EXPECT_TRUE(read("1", "a:2").error().text.starts_with(file() + ": "));
  std::filesystem::remove(file());
  std::filesystem::create_directories(file());
  EXPECT_EQ(read("1", "a:2").error().code, Errc::io);
}

TEST_F(RecoveryFolder, a_finished_recovery_is_not_repeated) {
  write(kTwo);
  ASSERT_TRUE(finish_recovery_file(folder_.path()));
  EXPECT_FALSE(*read("1", "a:2"));
  std::ifstream info(folder_.path() + "/raft/peers.info");
  std::string text;
  std::getline(info, text);
  EXPECT_EQ(text, kTwo);
  EXPECT_FALSE(finish_recovery_file(folder_.path())) << "there is nothing to rename";
}

TEST(Recovered, once_the_members_are_those_and_somebody_leads) {
  const auto members = *parse_recovery_members(kTwo);
  node::NodeStatus status;
  status.members = {{members.members[0], "", true}, {members.members[1], "", false}};
  EXPECT_FALSE(is_recovered(status, members));
  status.leader = NodeId{"1"};
  EXPECT_TRUE(is_recovered(status, members));
  status.members[1].member.voter = true;
  EXPECT_FALSE(is_recovered(status, members));
  status.members.pop_back();
  EXPECT_FALSE(is_recovered(status, members));
}

}  // namespace
}  // namespace lockstep::host
