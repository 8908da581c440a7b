// What setup, run by root, does in folders that are another user's.
#include "ops/setup.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "ops/own_folders.h"
#include "ops/paths.h"

namespace alona::ops {
namespace {
namespace fs = std::filesystem;

constexpr uid_t core = 4321;  // nobody's

struct stat about(const fs::path& path) {
  struct stat found{};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
  return found;
}

class OwnFolders : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/alona-setup-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    config_.core.data_dir = folder_ / "data";
    config_.core.runtime_dir = folder_ / "run";
    config_.mqtt.password_file = folder_ / "mqtt-password";
    fs::create_directories(outside_ = folder_ / "outside");
    ASSERT_EQ(::chmod(outside_.c_str(), 0751), 0);
    std::ofstream{outside_ / "file"} << "its own\n";
  }
  void TearDown() override { fs::remove_all(folder_); }

  Result<void> set_up_now() {
    SetupReport report;
    return set_up(config_, {.admin = {}, .password = {}, .ask_core = {}}, report);
  }
  void give_data_to_core() { ASSERT_EQ(::chown(config_.core.data_dir.c_str(), core, core), 0); }

  void expect_outside_untouched() const {
    EXPECT_EQ(about(outside_).st_uid, ::geteuid());
    EXPECT_EQ(about(outside_).st_mode & 07777, 0751U);
    EXPECT_EQ(about(outside_ / "file").st_uid, ::geteuid());
    EXPECT_EQ(std::distance(fs::directory_iterator{outside_}, {}), 1) << "nothing came beside it";
  }

  fs::path folder_, outside_;
  Config config_;
};

TEST_F(OwnFolders, a_link_in_the_place_of_a_folder_is_refused_and_what_it_leads_to_stays) {
  ASSERT_TRUE(set_up_now());
  const Paths paths{config_};
  for (const fs::path& place :
       {paths.broker(), paths.database().parent_path(), paths.live() / "checks", paths.live()}) {
    fs::rename(place, folder_ / "aside");
    fs::create_directory_symlink(outside_, place);
    const auto done = set_up_now();
    ASSERT_FALSE(done) << place;
    EXPECT_EQ(done.error().code, Errc::refused);
    EXPECT_NE(done.error().what.find(place.string() + " is a link"), std::string::npos) << done.error().what;
    EXPECT_FALSE(hand_over(paths.data(), place, core));
    EXPECT_FALSE(set_mode(paths.data(), place, 0777));
    expect_outside_untouched();
    fs::remove(place);
    fs::rename(folder_ / "aside", place);
  }
  EXPECT_TRUE(set_up_now());
}

TEST_F(OwnFolders, the_data_folder_itself_may_be_a_link) {
  fs::create_directories(folder_ / "disk");
  fs::create_directory_symlink(folder_ / "disk", config_.core.data_dir);
  EXPECT_TRUE(set_up_now());
  EXPECT_TRUE(fs::is_regular_file(folder_ / "disk/live/db/alona.sqlite3"));
}

TEST_F(OwnFolders, root_gives_the_core_what_it_made_and_nothing_behind_a_link) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_TRUE(set_up_now());
  give_data_to_core();
  const Paths paths{config_};
  const fs::path deep = paths.live() / "db/more";
  fs::create_directory_symlink(outside_, paths.live() / "folder");
  fs::create_symlink(outside_ / "file", paths.broker() / "file");
  fs::create_directory(deep);
  ASSERT_TRUE(set_up_now());
  for (const fs::path& given : {paths.database(), paths.broker_passwords(), deep, paths.broker() / "file"})
    EXPECT_EQ(about(given).st_uid, core) << given;
  expect_outside_untouched();
}

TEST_F(OwnFolders, a_second_name_of_somebody_elses_file_is_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_TRUE(set_up_now());
  give_data_to_core();
  fs::create_hard_link(outside_ / "file", Paths{config_}.broker() / "name");
  const auto done = set_up_now();
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().what.find("second name"), std::string::npos) << done.error().what;
  expect_outside_untouched();
}

}  // namespace
}  // namespace alona::ops
