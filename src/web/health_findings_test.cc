#include "web/health_findings.h"

#include <gtest/gtest.h>

namespace alona::web {
namespace {
using namespace std::chrono_literals;
constexpr UtcMs noon = utc_ms(1'795'521'600'000);

TEST(HealthWatch, a_record_that_stays_the_same_is_missed_after_twenty_minutes) {
  HealthWatch watch;
  Mono now{1h};
  EXPECT_TRUE(watch.look(noon, true, now, noon).empty()) << "it may be of before the start";
  now += 20min;
  EXPECT_TRUE(watch.look(noon, true, now, noon).empty());
  now += 1min;
  const auto found = watch.look(noon, true, now, noon + 1h);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, "health_old");
  EXPECT_EQ(found[0].since, noon + 39min);
  EXPECT_NE(found[0].what.find("21 min"), std::string::npos) << found[0].what;
  EXPECT_TRUE(watch.look(noon - 24h, true, now, noon).empty())
      << "another round, whatever the machine's clock says";
  now += 21min;
  EXPECT_FALSE(watch.look(noon - 24h, true, now, noon).empty());
}

TEST(HealthWatch, where_rounds_are_due_the_first_is_missed_too) {
  HealthWatch watch;
  EXPECT_TRUE(watch.look({}, true, Mono{1h}, noon).empty());
  EXPECT_TRUE(watch.look({}, true, Mono{1h + 20min}, noon).empty());
  EXPECT_EQ(watch.look({}, true, Mono{1h + 21min}, noon).size(), 1U);
  EXPECT_TRUE(watch.look(noon, true, Mono{2h}, noon).empty());
  EXPECT_TRUE(watch.look({}, true, Mono{3h}, noon).empty()) << "its record is gone";
  EXPECT_EQ(watch.look({}, true, Mono{4h}, noon).size(), 1U);
}

TEST(HealthWatch, where_no_timer_is_nobody_is_missed) {
  HealthWatch watch;
  EXPECT_TRUE(watch.look({}, false, Mono{1h}, noon).empty());
  EXPECT_TRUE(watch.look({}, false, Mono{9h}, noon).empty());
  EXPECT_TRUE(watch.look(noon, false, Mono{9h}, noon).empty());
}

}  // namespace
}  // namespace alona::web
