#include "base/zone.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace alona {
namespace {
using namespace std::chrono_literals;

UtcMs at(std::string_view text) { return parse_iso8601(text).value(); }

std::vector<std::string> texts(const std::vector<UtcMs>& days) {
  std::vector<std::string> out;
  out.reserve(days.size());
  for (const UtcMs day : days) out.push_back(iso8601(day).substr(0, 16));
  return out;
}
using Texts = std::vector<std::string>;

TEST(Zone, days_of_utc) {
  const Zone utc;
  EXPECT_EQ(utc.name(), "UTC");
  EXPECT_EQ(texts(utc.days(at("2026-03-01T12:00"), at("2026-03-02T00:00"))),
            (Texts{"2026-03-01T00:00", "2026-03-02T00:00"}));
  EXPECT_EQ(texts(utc.days(at("2026-03-01"), at("2026-03-02T00:00:00.001"))),
            (Texts{"2026-03-01T00:00", "2026-03-02T00:00", "2026-03-03T00:00"}));
}

TEST(Zone, a_day_of_23_and_one_of_25_hours) {
  const Zone berlin = Zone::load("Europe/Berlin");
  EXPECT_EQ(texts(berlin.days(at("2026-03-28T12:00"), at("2026-03-30T00:00"))),
            (Texts{"2026-03-27T23:00", "2026-03-28T23:00", "2026-03-29T22:00", "2026-03-30T22:00"}));
  EXPECT_EQ(texts(berlin.days(at("2026-10-24T22:00"), at("2026-10-25T23:00"))),
            (Texts{"2026-10-24T22:00", "2026-10-25T23:00"}));
  EXPECT_EQ(berlin.ahead(at("2026-03-29T00:59:59.999")), 1h);
  EXPECT_EQ(berlin.ahead(at("2026-03-29T01:00")), 2h);
  EXPECT_EQ(berlin.ahead(at("2090-07-01")), 2h) << "by the rule, where no table reaches";
}

TEST(Zone, clocks_that_change_by_half_an_hour) {
  const Zone lord_howe = Zone::load("Australia/Lord_Howe");
  EXPECT_EQ(texts(lord_howe.days(at("2026-04-04T12:59"), at("2026-04-05T13:30"))),
            (Texts{"2026-04-03T13:00", "2026-04-04T13:00", "2026-04-05T13:30"}))
      << "a day of 24 and a half hours";
  EXPECT_EQ(texts(lord_howe.days(at("2026-10-03T13:30"), at("2026-10-04T13:00"))),
            (Texts{"2026-10-03T13:30", "2026-10-04T13:00"}));
}

TEST(Zone, a_day_without_its_midnight) {
  const Zone sao_paulo = Zone::load("America/Sao_Paulo");
  EXPECT_EQ(texts(sao_paulo.days(at("2018-11-03T12:00"), at("2018-11-05T02:00"))),
            (Texts{"2018-11-03T03:00", "2018-11-04T03:00", "2018-11-05T02:00"}))
      << "24 hours, then 23: at midnight it was one o'clock";
  EXPECT_EQ(texts(sao_paulo.days(at("2019-02-16T02:00"), at("2019-02-17T03:00"))),
            (Texts{"2019-02-16T02:00", "2019-02-17T03:00"}))
      << "the last hour twice";
}

TEST(Zone, midnight_twice_and_a_day_that_never_was) {
  const Zone havana = Zone::load("America/Havana");
  EXPECT_EQ(texts(havana.days(at("2024-11-03T04:00"), at("2024-11-04T05:00"))),
            (Texts{"2024-11-03T04:00", "2024-11-04T05:00"}));
  EXPECT_EQ(texts(havana.days(at("2024-11-03T05:30"), at("2024-11-03T05:40"))),
            (Texts{"2024-11-03T04:00", "2024-11-04T05:00"}));
  const Zone apia = Zone::load("Pacific/Apia");
  EXPECT_EQ(texts(apia.days(at("2011-12-30T09:00"), at("2011-12-31T10:00"))),
            (Texts{"2011-12-29T10:00", "2011-12-30T10:00", "2011-12-31T10:00"}));
}

TEST(Zone, every_day_of_years_is_one_of_its_own) {
  for (const char* name : {"Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "America/St_Johns",
                           "Asia/Kathmandu", "Africa/Casablanca", "America/Havana"}) {
    const Zone zone = Zone::load(name);
    ASSERT_EQ(zone.name(), name);
    const auto days = zone.days(at("2000-01-01"), at("2031-01-01"));
    const auto whole = (at("2031-01-01") - at("2000-01-01")) / std::chrono::days{1};
    EXPECT_NEAR(static_cast<double>(days.size()), static_cast<double>(whole), 2) << name;
    EXPECT_LE(days.front(), at("2000-01-01"));
    EXPECT_GE(days.back(), at("2031-01-01"));
    for (std::size_t i = 1; i < days.size(); ++i) {
      const Ms length = days[i] - days[i - 1];
      EXPECT_TRUE(length >= 23h - 1min && length <= 25h + 1min) << name << " " << iso8601(days[i]);
    }
  }
}

TEST(Zone, an_unknown_one_is_utc_and_the_process_keeps_its_own) {
  // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread
  ASSERT_EQ(::setenv("TZ", "Asia/Tokyo", 1), 0);
  EXPECT_EQ(Zone::load("Mars/Base").name(), "UTC");
  EXPECT_EQ(Zone::load("Europe/Berlin").name(), "Europe/Berlin");
  EXPECT_STREQ(::getenv("TZ"), "Asia/Tokyo");
  ::unsetenv("TZ");
  // NOLINTEND(concurrency-mt-unsafe)
}

}  // namespace
}  // namespace alona
