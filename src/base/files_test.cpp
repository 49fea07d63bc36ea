// Files: whole or not at all, and for whom.
#include "base/files.h"

#include <cerrno>
#include <filesystem>
#include <iterator>
#include <optional>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/presence.h"
#include "testing/code_of.h"
#include "testing/folder.h"

namespace {

std::optional<int> failing_read;  ///< what pread says instead of reading

}  // namespace

/// In this program, instead of the C library's.
extern "C" ssize_t pread(int fd, void* into, std::size_t size, off_t at) {
  if (!failing_read) return static_cast<ssize_t>(::syscall(SYS_pread64, fd, into, size, at));
  errno = EIO;
  return *failing_read;
}

namespace countersign::base {
namespace {

using namespace std::string_literals;

using testing::code_of;
using testing::Folder;

unsigned mode_of(const std::filesystem::path& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 07777U : 0;
}

std::size_t entries_in(const std::filesystem::path& folder) {
  const std::filesystem::directory_iterator entries(folder);
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

TEST(Files, WriteReplacesWholeAndSetsTheMode) {
  const Folder folder;
  const auto path = folder / "key";
  ASSERT_TRUE(write_file(path, "old", FileMode::world_readable));
  EXPECT_EQ(mode_of(path), 0644U);
  ASSERT_TRUE(write_file(path, "new", FileMode::owner_only));
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(read_file(path), "new");
  EXPECT_EQ(entries_in(folder / ""), 1U) << "a temporary file was left behind";
}

TEST(Files, TheUmaskNeverWidensTheMode) {
  const Folder folder;
  const mode_t before = ::umask(0077);
  ASSERT_TRUE(write_file(folder / "cert", "x", FileMode::world_readable));
  ::umask(0);
  ASSERT_TRUE(create_file(folder / "key", "x", FileMode::owner_only));
  ::umask(before);
  EXPECT_EQ(mode_of(folder / "cert"), 0600U);
  EXPECT_EQ(mode_of(folder / "key"), 0600U);
}

TEST(Files, AFailedWriteLeavesTheOldFile) {
  const Folder folder;
  ASSERT_TRUE(make_folder(folder / "taken/inside"));
  EXPECT_EQ(code_of(write_file(folder / "taken", "x", FileMode::owner_only)), "file.unwritable");
  EXPECT_EQ(entries_in(folder / ""), 1U) << "a temporary file was left behind";
  EXPECT_EQ(code_of(write_file(folder / "absent/file", "x", FileMode::owner_only)), "file.unwritable");
}

TEST(Files, CreateNeverOverwrites) {
  const Folder folder;
  ASSERT_TRUE(create_file(folder / "a", "first", FileMode::owner_only));
  EXPECT_EQ(code_of(create_file(folder / "a", "second", FileMode::owner_only)), "file.exists");
  EXPECT_EQ(read_file(folder / "a"), "first");
  std::filesystem::create_symlink(folder / "elsewhere", folder / "link");
  EXPECT_EQ(code_of(create_file(folder / "link", "x", FileMode::owner_only)), "file.exists");
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
}

TEST(Files, ReadIsBounded) {
  const Folder folder;
  ASSERT_TRUE(write_file(folder / "a", "12345", FileMode::owner_only));
  EXPECT_EQ(code_of(read_file(folder / "a", 5)), "ok");
  EXPECT_EQ(code_of(read_file(folder / "a", 4)), "file.too_large");
  EXPECT_EQ(code_of(read_file("/dev/zero")), "file.too_large");
  EXPECT_EQ(code_of(read_file(folder / "absent")), "file.not_found");
  EXPECT_EQ(code_of(read_file(folder / "")), "file.unreadable") << "a folder";
}

TEST(Files, ASecretIsReadWholeAndBounded) {
  const Folder folder;
  const std::string text = "first\nsecond\0third"s;
  ASSERT_TRUE(write_file(folder / "key", text, FileMode::owner_only));
  const auto secret = read_secret_file(folder / "key", text.size());
  ASSERT_TRUE(secret);
  EXPECT_EQ(secret->reveal_text(), text);
  EXPECT_EQ(code_of(read_secret_file(folder / "key", text.size() - 1)), "file.too_large");
  EXPECT_EQ(code_of(read_secret_file("/dev/zero")), "file.too_large");
  EXPECT_EQ(code_of(read_secret_file(folder / "absent")), "file.not_found");
  EXPECT_EQ(code_of(read_secret_file(folder / "")), "file.unreadable") << "a folder";
}

TEST(Files, AppendCutsATornLastLineOff) {
  const Folder folder;
  const auto path = folder / "lines";
  ASSERT_TRUE(create_file(path, "one\n", FileMode::owner_only));
  ASSERT_TRUE(append_file(path, "two\n"));
  EXPECT_EQ(read_file(path), "one\ntwo\n");
  ASSERT_TRUE(append_file(path, "thr"));
  ASSERT_TRUE(append_file(path, "three\n"));
  EXPECT_EQ(read_file(path), "one\ntwo\nthree\n");
  ASSERT_TRUE(write_file(path, "never ended", FileMode::owner_only));
  ASSERT_TRUE(append_file(path, "one\n"));
  EXPECT_EQ(read_file(path), "one\n");
  EXPECT_EQ(code_of(append_file(folder / "absent", "x\n")), "file.unwritable");
}

TEST(Files, AppendCutsNothingItCannotRead) {
  const Folder folder;
  const auto path = folder / "lines";
  ASSERT_TRUE(create_file(path, "one\ntwo\n", FileMode::owner_only));
  for (const int outcome : {-1, 0}) {
    failing_read = outcome;
    EXPECT_EQ(code_of(append_file(path, "three\n")), "file.unwritable");
    failing_read.reset();
    EXPECT_EQ(read_file(path), "one\ntwo\n");
  }
  ASSERT_TRUE(append_file(path, "three\n"));
}

TEST(Files, FoldersAreMadeForTheOwnerAlone) {
  const Folder folder;
  ASSERT_TRUE(make_folder(folder / "a/b/c"));
  EXPECT_EQ(mode_of(folder / "a"), 0700U);
  EXPECT_EQ(mode_of(folder / "a/b/c"), 0700U);
  EXPECT_TRUE(make_folder(folder / "a/b/c"));
  ASSERT_TRUE(write_file(folder / "file", "", FileMode::owner_only));
  EXPECT_EQ(code_of(make_folder(folder / "file")), "file.unwritable");
  EXPECT_EQ(code_of(make_folder(folder / "file/below")), "file.unwritable");
}

/// A folder that root may search always is no help here: one that is none, and one that leads to itself, are.
TEST(Presence, IsOnlyDeniedWhereNothingIsThere) {
  const testing::Folder folder;
  ASSERT_TRUE(write_file(folder / "file", "x", FileMode::owner_only));
  std::filesystem::create_symlink(folder / "loop", folder / "loop");
  EXPECT_EQ(is_there(folder / "file"), true);
  EXPECT_EQ(is_there(folder / "other"), false);
  EXPECT_EQ(is_there(folder / "none" / "file"), false);
  EXPECT_EQ(testing::code_of(is_there(folder / "file" / "in it")), "file.unreadable");
  EXPECT_EQ(testing::code_of(is_there(folder / "loop" / "in it")), "file.unreadable");
}

}  // namespace
}  // namespace countersign::base
