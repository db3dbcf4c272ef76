// Golden files: the bytes on disk of a small log, a vote file and a manifest, as documented in
// docs/formats.md. A difference means that folders written by released versions can no longer be
// read, or that the table is wrong. On a mismatch the test says where the actual dump lies.
//
// Dump: lines "offset: bytes" of 16 bytes in hexadecimal without the all-zero ones, then the size.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "storage/manifest.h"
#include "storage/segment.h"
#include "storage/vote_file.h"
#include "tests/storage/support.h"

namespace lockstep::storage {
namespace {

using namespace test;
using sim::SimDisk;

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::size_t kLineBytes = 16;

void put_hex(std::string& out, std::uint64_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kDigits[value >> shift & 15];
}

std::string dump(std::string_view bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += kLineBytes) {
    const auto line = bytes.substr(at, kLineBytes);
    if (line.find_first_not_of('\0') == line.npos) continue;
    put_hex(out, at, 8);
    out += ':';
    for (const char c : line) {
      out += ' ';
      put_hex(out, static_cast<unsigned char>(c), 2);
    }
    out += '\n';
  }
  return out + "size " + std::to_string(bytes.size()) + "\n";
}

std::string undump(const std::string& text) {
  std::istringstream lines(text);
  std::string bytes;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("size ")) {
      bytes.resize(std::stoull(line.substr(5)));
      break;
    }
    std::istringstream words(line.substr(9));
    bytes.resize(std::stoull(line.substr(0, 8), nullptr, 16));
    for (std::string word; words >> word;) bytes += static_cast<char>(std::stoi(word, nullptr, 16));
  }
  return bytes;
}

std::string golden_dump(const std::string& name) {
  std::ifstream file(std::string(LOCKSTEP_TEST_DATA) + "/storage/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string golden(const std::string& name) {
  return undump(golden_dump(name));
}

// Compares with the golden file and returns the golden bytes.
std::string compare(const std::string& name, const std::string& bytes) {
  if (dump(bytes) != golden_dump(name)) {
    const std::string actual = testing::TempDir() + name;
    std::ofstream(actual) << dump(bytes);
    ADD_FAILURE() << name << " differs; the actual bytes are in " << actual;
  }
  return golden(name);
}

TEST(Golden, log_segments) {
  SimDisk disk(Rng(1));
  Model model;
  {
    auto opened = open_log(disk, 16384, 42);
    const auto append = [&](const raft::Write& write) {
      ASSERT_TRUE(opened.log->append(write));
      model.apply(write);
    };
    append(appending({config(1, 1, 1), {Term{1}, LogIndex{2}, raft::EntryKind::noop, Blob()}}));
    append(appending({command(3, 1, "lost"), command(4, 1, "lost, too")}));
    auto write = appending({command(3, 2, "kept")});
    write.truncate_after = LogIndex{2};
    append(write);
  }
  SimDisk old(Rng(1));
  for (const std::uint64_t sequence : {1, 2}) {
    const std::string name = segment_name(sequence);
    old.put(name, compare(name + ".hex", *disk.contents(name)));
  }
  EXPECT_TRUE(equals(open_log(old), model));
}

// A log that was reset, on a file that was used before.
TEST(Golden, log_reset) {
  SimDisk disk(Rng(1));
  Model model;
  {
    auto opened = open_log(disk, 12288, 42);
    for (std::uint64_t i = 1; i <= 3; ++i)
      ASSERT_TRUE(opened.log->append(appending({command(i, 1, std::string(20, 'x'))})));
    ASSERT_TRUE(opened.log->drop_through({LogIndex{2}, Term{1}}));
    ASSERT_TRUE(opened.log->reset({LogIndex{40}, Term{6}}, membership_of(2)));
    model.reset({LogIndex{40}, Term{6}}, membership_of(2));
    const auto write = appending({config(41, 6, 3)});
    ASSERT_TRUE(opened.log->append(write));
    model.apply(write);
  }
  SimDisk old(Rng(1));
  const std::string name = segment_name(3);
  old.put(name, compare(name + ".hex", *disk.contents(name)));
  EXPECT_TRUE(equals(open_log(old), model));
}

TEST(Golden, vote_file) {
  SimDisk disk(Rng(1));
  const raft::HardState state{.term = Term{7}, .vote = NodeId{"n2"}};
  const raft::Position fence{LogIndex{9}, Term{6}};
  const ClusterId cluster{.high = 0x0102030405060708, .low = 0x090a0b0c0d0e0f10};
  ASSERT_TRUE((*VoteFile::open(disk, NodeId{"n1"}))->store_admission(fence, cluster));
  ASSERT_TRUE((*VoteFile::open(disk, NodeId{"n1"}))->store(state));
  SimDisk old(Rng(1));
  old.put("vote", compare("vote-2.hex", *disk.contents("vote")));
  const auto read = VoteFile::open(old, NodeId{"n1"});
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ((*read)->state(), state);
  EXPECT_EQ((*read)->fence(), fence);
  EXPECT_EQ((*read)->cluster(), (VoteFile::Cluster{cluster, {}}));
}

// Version 1 knew no clusters. It is brought up to date when it is opened.
TEST(Golden, vote_file_of_version_1) {
  SimDisk old(Rng(1));
  old.put("vote", golden("vote.hex"));
  const auto read = VoteFile::open(old, NodeId{"n1"});
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ((*read)->state(), (raft::HardState{.term = Term{7}, .vote = NodeId{"n2"}}));
  EXPECT_EQ((*read)->fence(), (raft::Position{LogIndex{9}, Term{6}}));
  EXPECT_EQ((*read)->cluster(), VoteFile::Cluster{});
  EXPECT_NE(*old.contents("vote"), golden("vote.hex"));
  old.lose_power(sim::Loss::all);
  EXPECT_EQ((*VoteFile::open(old, NodeId{"n1"}))->state(), (*read)->state());
}

TEST(Golden, manifest) {
  SimDisk disk(Rng(1));
  const DurableState state{.index = LogIndex{300},
                           .term = Term{7},
                           .page_bytes = 4096,
                           .wal_salt1 = 0x01020304,
                           .wal_salt2 = 0x05060708,
                           .wal_frames = 12,
                           .last_insert_id = -2,
                           .rows_affected = 3,
                           .image_membership = raft::encode(membership_of(1)),
                           .installing = true,
                           .sums_file = 1};
  ASSERT_TRUE((*Manifest::open(disk))->store(state));
  SimDisk old(Rng(1));
  old.put("manifest", compare("manifest.hex", *disk.contents("manifest")));
  const auto read = Manifest::open(old);
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ((*read)->current(), state);
}

}  // namespace
}  // namespace lockstep::storage
