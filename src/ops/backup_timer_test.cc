#include "ops/backup_timer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "ops/config.h"
#include "ops/setup.h"

namespace alona::ops {
namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

class BackupTime : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/alona-timer-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    drop_in_ = folder_ / "system/alona-backup.timer.d/50-at.conf";
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_, drop_in_;
};

TEST_F(BackupTime, the_default_is_what_the_package_has) {
  const auto unit = files::read(fs::path{ALONA_SOURCE_DIR} / "deploy/systemd/alona-backup.timer");
  EXPECT_NE(unit->find("OnCalendar=" + calendar_of(Config{}.backup.at) + "\n"), std::string::npos);
  EXPECT_FALSE(*keep_backup_time(drop_in_, Config{}.backup.at));
  EXPECT_FALSE(fs::exists(folder_ / "system"));
}

TEST_F(BackupTime, another_time_is_a_drop_in_and_the_default_takes_it_away) {
  EXPECT_TRUE(*keep_backup_time(drop_in_, 4h + 5min));
  const auto text = files::read(drop_in_);
  EXPECT_NE(text->find("[Timer]\nOnCalendar=\nOnCalendar=*-*-* 04:05\n"), std::string::npos) << *text;
  struct stat about{};
  ASSERT_EQ(::stat(drop_in_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0644U);
  EXPECT_FALSE(*keep_backup_time(drop_in_, 4h + 5min)) << "it is there";
  EXPECT_TRUE(*keep_backup_time(drop_in_, 0min));
  EXPECT_NE(files::read(drop_in_)->find("OnCalendar=*-*-* 00:00\n"), std::string::npos);
  EXPECT_TRUE(*keep_backup_time(drop_in_, Config{}.backup.at));
  EXPECT_FALSE(fs::exists(drop_in_.parent_path()));
}

TEST_F(BackupTime, somebodys_own_drop_ins_stay) {
  ASSERT_TRUE(keep_backup_time(drop_in_, 1h));
  const fs::path own = drop_in_.parent_path() / "own.conf";
  ASSERT_TRUE(files::replace(own, "[Timer]\n", 0644));
  EXPECT_TRUE(*keep_backup_time(drop_in_, Config{}.backup.at));
  EXPECT_TRUE(fs::exists(own));
}

TEST_F(BackupTime, setup_keeps_it_where_it_is_told_the_place_alone) {
  Config config;
  config.core.data_dir = folder_ / "data";
  config.core.runtime_dir = folder_ / "run";
  config.mqtt.password_file = folder_ / "mqtt-password";
  config.backup.at = 22h + 30min;
  SetupOptions options{.admin = {}, .password = {}, .ask_core = {}};
  SetupReport trial, first, second;
  ASSERT_TRUE(set_up(config, options, trial));
  EXPECT_FALSE(fs::exists(drop_in_));
  options.backup_timer = drop_in_;
  ASSERT_TRUE(set_up(config, options, first));
  EXPECT_TRUE(first.changed() && fs::exists(drop_in_));
  ASSERT_TRUE(set_up(config, options, second));
  EXPECT_FALSE(second.changed());
}

TEST(BackupTimer, another_time_in_force_is_seen) {
  const auto timer = parse_show(
      "Id=alona-backup.timer\n"
      "TimersCalendar={ OnCalendar=*-*-* 03:15:00 ; next_elapse=Wed 2026-12-02 03:15:00 UTC }\n")[0];
  EXPECT_FALSE(another_backup_time(timer, 3h + 15min));
  EXPECT_EQ(another_backup_time(timer, 3h + 16min), "*-*-* 03:15:00");
  EXPECT_FALSE(another_backup_time({}, 1h)) << "not known";
}

}  // namespace
}  // namespace alona::ops
