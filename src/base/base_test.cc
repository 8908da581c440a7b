#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/files.h"
#include "base/hash.h"
#include "base/mailbox.h"
#include "base/time.h"

namespace alona {
namespace {

class Folder {
 public:
  Folder() { path = mkdtemp(name); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;

 private:
  char name[32] = "/tmp/alona-base-XXXXXX";
};

TEST(Time, iso8601_goes_both_ways) {
  const UtcMs t = utc_ms(1'795'545'727'250);
  EXPECT_EQ(iso8601(t), "2026-11-24T18:42:07.250Z");
  EXPECT_EQ(parse_iso8601(iso8601(t)), t);
  EXPECT_EQ(parse_iso8601("2015-02-04 17:51:00"), utc_ms(1'423'072'260'000));
  EXPECT_EQ(parse_iso8601("2015-02-04"), utc_ms(1'423'008'000'000));
}

TEST(Time, wrong_dates_are_refused) {
  for (const char* text :
       {"", "2015", "2015-13-01", "2015-02-30", "2015-02-04 25:00", "2015-02-04T17:51x", "x"}) {
    EXPECT_FALSE(parse_iso8601(text)) << text;
  }
}

TEST(Hash, crc32c_agrees_with_rfc3720) {
  std::array<std::uint8_t, 32> bytes{};
  EXPECT_EQ(crc32c(bytes), 0x8A9136AAu);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(crc32c(bytes), 0x46DD794Eu);
  EXPECT_EQ(crc32c(std::span(bytes).subspan(7), crc32c(std::span(bytes).first(7))), 0x46DD794Eu);
}

TEST(Hash, crc32c_is_the_same_by_the_processor_and_by_tables) {
  std::vector<std::uint8_t> bytes(100);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i + 7);
  for (std::size_t from = 0; from < 9; ++from) {
    for (std::size_t n = 0; from + n <= bytes.size(); ++n) {
      const auto part = std::span(bytes).subspan(from, n);
      EXPECT_EQ(crc32c(part, 5), crc32c_by_tables(part, 5)) << from << "+" << n;
    }
  }
}

TEST(Hash, topic_and_payload_dont_run_together) {
  const HashKey key = random_hash_key();
  EXPECT_NE(keyed_hash(key, "ab", "c"), keyed_hash(key, "a", "bc"));
}

TEST(Files, replace_leaves_the_old_file_when_it_cannot_write) {
  const Folder folder;
  const auto path = folder.path / "passwd";
  ASSERT_TRUE(files::replace(path, "old", 0640));
  std::filesystem::create_directory(path.string() + ".new");  // in the way of the new one
  EXPECT_FALSE(files::replace(path, "new", 0640));
  EXPECT_EQ(files::read(path).value(), "old");
}

TEST(Files, replace_sets_the_mode) {
  const Folder folder;
  const auto path = folder.path / "passwd";
  ASSERT_TRUE(files::replace(path, "x", 0604));
  struct stat state{};
  ASSERT_EQ(::stat(path.c_str(), &state), 0);
  EXPECT_EQ(state.st_mode & 0777, 0604u);
}

TEST(Files, what_root_makes_in_somebodys_folder_is_theirs) {
  if (::geteuid() != 0) GTEST_SKIP() << "for root alone";
  constexpr uid_t user = 12345;
  constexpr gid_t group = 23456, broker = 34567;
  const Folder folder;
  ASSERT_EQ(::chown(folder.path.c_str(), user, group), 0);
  ASSERT_TRUE(files::replace(folder.path / "file", "x", 0640));
  ASSERT_TRUE(files::make_folder(folder.path / "a/b", 0750));
  ASSERT_TRUE(files::Lock::take(folder.path / "lock"));
  for (const char* name : {"file", "a", "a/b", "lock"}) {
    struct stat state{};
    ASSERT_EQ(::stat((folder.path / name).c_str(), &state), 0);
    EXPECT_EQ(state.st_uid, user) << name;
    EXPECT_EQ(state.st_gid, group) << name;
  }
  // What is theirs already stays so, and a folder's set-gid says more than its own group.
  ASSERT_EQ(::chown((folder.path / "file").c_str(), 0, broker), 0);
  ASSERT_TRUE(files::replace(folder.path / "file", "y", 0640));
  ASSERT_EQ(::chown((folder.path / "a").c_str(), user, broker), 0);
  ASSERT_EQ(::chmod((folder.path / "a").c_str(), 02750), 0);
  ASSERT_TRUE(files::replace(folder.path / "a/acl", "x", 0640));
  struct stat state{};
  ASSERT_EQ(::stat((folder.path / "file").c_str(), &state), 0);
  EXPECT_EQ(state.st_uid, 0u);
  EXPECT_EQ(state.st_gid, broker);
  ASSERT_EQ(::stat((folder.path / "a/acl").c_str(), &state), 0);
  EXPECT_EQ(state.st_uid, user);
  EXPECT_EQ(state.st_gid, broker);
  // Where somebody has put a link, nothing is opened.
  std::filesystem::create_symlink("file", folder.path / "link");
  EXPECT_FALSE(files::Lock::take(folder.path / "link"));
}
TEST(Files, a_lock_is_held_once_and_released) {
  const Folder folder;
  const auto path = folder.path / "lock";
  {
    const auto first = files::Lock::take(path);
    ASSERT_TRUE(first);
    const auto second = files::Lock::take(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::temporary);
    EXPECT_NE(second.error().what.find(std::to_string(getpid())), std::string::npos);
  }
  EXPECT_TRUE(files::Lock::take(path));
}

TEST(Mailbox, a_full_one_says_so_and_keeps_the_message_with_the_caller) {
  Mailbox<std::string> mailbox{1};
  std::string first = "first", second = "second";
  EXPECT_TRUE(mailbox.try_post(first));
  EXPECT_FALSE(mailbox.try_post(second));
  EXPECT_EQ(second, "second");
  EXPECT_EQ(mailbox.take_all().front(), "first");
  EXPECT_TRUE(mailbox.try_post(second));
}

}  // namespace
}  // namespace alona
