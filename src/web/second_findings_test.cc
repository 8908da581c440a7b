#include "web/second_findings.h"

#include <gtest/gtest.h>

namespace alona::web {
namespace {

using std::chrono::days;
constexpr UtcMs noon = utc_ms(1'795'521'600'000);

TEST(SecondFinding, comes_after_a_week_and_says_what_to_do) {
  SecondPicture picture{.target = "label:BACKUP", .since = noon, .missing = true};
  EXPECT_FALSE(second_finding(picture, noon + days{7}));
  auto found = second_finding(picture, noon + days{7} + Ms{1});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->why, "The second target label:BACKUP isn't there. There is no second copy yet.");
  picture = {
      .target = "/mnt/x", .since = noon, .why = "no room", .copied = noon - days{1}, .name = "a.tar.zst"};
  found = second_finding(picture, noon + days{9});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->what, "The backups have had no second copy for 9 days");
  EXPECT_EQ(found->why,
            "Copying to /mnt/x fails: no room. The last second copy is of 2026-11-23 (a.tar.zst).");
  EXPECT_EQ(found->since, noon);
}

TEST(SecondFinding, is_none_when_all_is_well_or_none_is_wanted) {
  EXPECT_FALSE(second_finding({.target = "/mnt/x", .copied = noon}, noon + days{99}));
  EXPECT_FALSE(second_finding({.target = "", .since = noon, .missing = true}, noon + days{99}));
  EXPECT_FALSE(second_finding({.target = "/mnt/x", .since = noon, .missing = true}, noon - days{99}))
      << "the clock went back";
}

}  // namespace
}  // namespace alona::web
