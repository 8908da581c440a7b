#include "web/backup_findings.h"

#include <gtest/gtest.h>

namespace alona::web {
namespace {
using namespace std::chrono_literals;

constexpr UtcMs noon = utc_ms(1'795'521'600'000);
constexpr Ms most = 48h;

std::string ids(const BackupsKnown& known, bool trusted = true) {
  std::string all;
  for (const Finding& one : backup_findings(known, noon, trusted)) all += one.id + " ";
  return all;
}

TEST(BackupFindings, a_new_box_has_time_for_its_first) {
  EXPECT_EQ(ids({.news = {}, .failed = {}, .box_since = noon - 47h, .age_max = most}), "");
  EXPECT_EQ(ids({.news = {}, .failed = {}, .box_since = noon - 49h, .age_max = most}), "backup ");
  EXPECT_EQ(ids({.news = {}, .failed = {}, .box_since = {}, .age_max = most}), "backup ");
  EXPECT_EQ(ids({.news = {}, .failed = {}, .box_since = noon - 71h, .age_max = most}, false), "");
  EXPECT_EQ(ids({.news = {}, .failed = {}, .box_since = noon - 73h, .age_max = most}, false), "backup ");
  EXPECT_EQ(ids({.news = {}, .failed = "cut", .box_since = noon - 1h, .age_max = most}, false), "backup ");
}

TEST(BackupFindings, old_ones_and_unproven_ones_are_told) {
  const auto known = [](UtcMs newest, std::optional<UtcMs> proven) {
    return BackupsKnown{.news = {newest, proven}, .failed = "an older one", .box_since = {}, .age_max = most};
  };
  EXPECT_EQ(ids(known(noon - 48h, noon)), "");
  EXPECT_EQ(ids(known(noon - 49h, noon)), "backup ");
  EXPECT_EQ(ids(known(noon - 71h, noon), false), "") << "a chip may be a day ahead";
  EXPECT_EQ(ids(known(noon - 73h, noon), false), "backup ") << "nobody has told it the time for long";
  EXPECT_EQ(ids(known(noon + 24h, noon)), "") << "its clock was wrong";
  EXPECT_EQ(ids(known(noon - 49h, {})), "backup backup_proof ");
  EXPECT_EQ(ids(known(noon, noon - 15 * 24h)), "");
  EXPECT_EQ(ids(known(noon, noon - 16 * 24h)), "backup_proof ");
  EXPECT_EQ(ids(known(noon, noon - 16 * 24h), false), "");
  EXPECT_EQ(ids(known(noon, noon - 17 * 24h), false), "backup_proof ");
  const auto found = backup_findings(known(noon - 72h, {}), noon, true);
  EXPECT_EQ(found.at(0).what, "The newest backup is 3 days old");
  for (const Finding& one : found) EXPECT_FALSE(one.todo.empty());
}

TEST(BackupFindings, an_age_is_sure_without_the_day_that_a_chip_may_be_ahead) {
  EXPECT_EQ(surely(noon, true), noon);
  EXPECT_EQ(surely(noon, false), noon - 24h);
}

}  // namespace
}  // namespace alona::web
