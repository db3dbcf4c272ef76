#include "host/posix_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "world.h"

namespace lockstep::host {
namespace {

using env::OpenMode;
using std::filesystem::create_directory;
using std::filesystem::exists;

class PosixDiskTest : public testing::Test {
 protected:
  std::unique_ptr<PosixDisk> open_folder() {
    auto disk = open_data_folder(folder_.path() + "/data");
    EXPECT_TRUE(disk) << (disk ? "" : disk.error().text);
    return std::move(*disk);
  }
  static std::string contents(env::Disk& disk, std::string_view name) {
    auto file = disk.open(name, OpenMode::existing);
    EXPECT_TRUE(file);
    std::string bytes(*(*file)->size(), '\0');
    EXPECT_TRUE(env::read_exactly(**file, 0, bytes));
    return bytes;
  }
  TemporaryFolder folder_;
};

TEST_F(PosixDiskTest, writes_are_read_back_by_other_handles) {
  const auto disk = open_folder();
  auto file = disk->open("log.1", OpenMode::create);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->write(0, "hello"));
  ASSERT_TRUE((*file)->write(8, "gap"));
  ASSERT_TRUE((*file)->sync());
  EXPECT_EQ(contents(*disk, "log.1"), std::string("hello\0\0\0gap", 11));
}

// Enough of both kinds of writes to begin writing back many times.
TEST_F(PosixDiskTest, much_that_is_written_without_a_sync_is_read_back) {
  constexpr std::size_t kPage = 4096;
  constexpr std::size_t kPages = 512;
  const auto disk = open_folder();
  auto file = disk->open("a", OpenMode::create);
  std::string expected(kPages * kPage, 'a');
  ASSERT_TRUE((*file)->write(0, expected));
  for (std::size_t i = 0; i < kPages; i += 2) {
    const std::size_t page = i * 77 % kPages;
    const std::string bytes(kPage, static_cast<char>('b' + page % 20));
    ASSERT_TRUE((*file)->write(page * kPage, bytes));
    expected.replace(page * kPage, kPage, bytes);
  }
  EXPECT_EQ(contents(*disk, "a"), expected);
  ASSERT_TRUE((*file)->sync());
  EXPECT_EQ(contents(*disk, "a"), expected);
}

TEST_F(PosixDiskTest, read_is_short_only_at_the_end) {
  const auto disk = open_folder();
  auto file = disk->open("a", OpenMode::create);
  ASSERT_TRUE((*file)->write(0, "abcdef"));
  std::array<char, 10> into{};
  EXPECT_EQ(*(*file)->read(4, into), 2u);
  EXPECT_EQ(*(*file)->read(6, into), 0u);
  EXPECT_EQ(*(*file)->read(100, into), 0u);
  EXPECT_EQ(env::read_exactly(**file, 0, into).error().code, Errc::corrupt);
}

TEST_F(PosixDiskTest, truncate_cuts_and_extends_with_zeros) {
  const auto disk = open_folder();
  auto file = disk->open("a", OpenMode::create);
  ASSERT_TRUE((*file)->write(0, "abcdef"));
  ASSERT_TRUE((*file)->truncate(2));
  ASSERT_TRUE((*file)->truncate(4));
  EXPECT_EQ(*(*file)->size(), 4u);
  EXPECT_EQ(contents(*disk, "a"), std::string("ab\0\0", 4));
}

TEST_F(PosixDiskTest, absent_names_are_not_found) {
  const auto disk = open_folder();
  EXPECT_EQ(disk->open("nothing", OpenMode::existing).error().code, Errc::not_found);
  EXPECT_EQ(disk->remove("nothing").error().code, Errc::not_found);
  EXPECT_EQ(disk->rename("nothing", "b").error().code, Errc::not_found);
}

TEST_F(PosixDiskTest, illegal_names_are_refused) {
  const auto disk = open_folder();
  for (const char* name : {"", ".", "..", "a/b", "../a", "a b", "LOCK", "\xc3\xa4"})
    EXPECT_EQ(disk->open(name, OpenMode::create).error().code, Errc::invalid) << name;
  EXPECT_EQ(disk->open(std::string(256, 'a'), OpenMode::create).error().code, Errc::invalid);
}

TEST_F(PosixDiskTest, rename_replaces_and_open_handles_survive_removal) {
  const auto disk = open_folder();
  auto a = disk->open("a", OpenMode::create);
  ASSERT_TRUE((*a)->write(0, "new"));
  ASSERT_TRUE((*disk->open("b", OpenMode::create))->write(0, "old"));
  ASSERT_TRUE(disk->rename("a", "b"));
  EXPECT_EQ(contents(*disk, "b"), "new");
  ASSERT_TRUE(disk->remove("b"));
  std::array<char, 3> into{};
  EXPECT_TRUE(env::read_exactly(**a, 0, into));
  EXPECT_TRUE(disk->sync_dir());
}

TEST_F(PosixDiskTest, list_is_sorted_and_without_lock_and_folders) {
  const auto disk = open_folder();
  for (const char* name : {"z", "B", "a", "m.2"}) ASSERT_TRUE(disk->open(name, OpenMode::create));
  create_directory(folder_.path() + "/data/lost");
  EXPECT_EQ(*disk->list(), (std::vector<std::string>{"B", "a", "m.2", "z"}));
}

TEST_F(PosixDiskTest, parents_are_created) {
  const std::string deep = folder_.path() + "/x/y/z/";
  EXPECT_TRUE(open_data_folder(deep));
  struct stat info{};
  ASSERT_EQ(::stat(deep.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777 & ~0755u, 0u);
}

TEST_F(PosixDiskTest, one_folder_serves_one_owner) {
  auto first = open_folder();
  const auto second = open_data_folder(folder_.path() + "/data");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::busy);
  EXPECT_EQ(second.error().text,
            "data folder " + folder_.path() + "/data is in use by another process");
  first.reset();
  EXPECT_TRUE(open_data_folder(folder_.path() + "/data"));
}

TEST_F(PosixDiskTest, a_file_in_the_way_is_a_clear_error) {
  const std::string path = folder_.path() + "/file";
  std::fclose(std::fopen(path.c_str(), "w"));
  const auto at_file = open_data_folder(path);
  ASSERT_FALSE(at_file);
  EXPECT_EQ(at_file.error().text, "data folder " + path + " cannot be opened: Not a directory");
  EXPECT_FALSE(open_data_folder(path + "/below"));
}

TEST_F(PosixDiskTest, an_unwritable_folder_is_a_clear_error) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  const std::string path = folder_.path() + "/data";
  create_directory(path);
  ASSERT_EQ(::chmod(path.c_str(), 0500), 0);
  const auto disk = open_data_folder(path);
  ASSERT_FALSE(disk);
  EXPECT_EQ(disk.error().text, "data folder " + path + " is not writable: Permission denied");
  ASSERT_EQ(::chmod(path.c_str(), 0700), 0);
}

TEST_F(PosixDiskTest, a_full_device_is_no_space) {
  const int full = ::open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (full < 0 || !exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  PosixDisk dev("/dev", full, -1);
  auto file = dev.open("full", OpenMode::existing);
  if (!file) GTEST_SKIP() << file.error().text;
  EXPECT_EQ((*file)->write(0, "x").error().code, Errc::no_space);
}

}  // namespace
}  // namespace lockstep::host
