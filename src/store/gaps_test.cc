// The rules of docs/gaps.md: one test for each cause, for what lies together, and for what is no gap.
#include "store/gaps.h"

#include <gtest/gtest.h>

namespace alona::store {
namespace {
using namespace std::chrono_literals;

constexpr UtcMs zero = utc_ms(1'795'521'600'000);
constexpr Rhythm each_minute{.expected = 60s, .irregular = 0s};

// "power 0-600, node_off 600-900": the pieces with their seconds.
std::string told(Stretch silence, const Facts& facts, const Rhythm& rhythm = each_minute) {
  std::string text;
  for (const Explained& e : explain(silence, rhythm, facts)) {
    if (!text.empty()) text += ", ";
    text += std::string(name(e.cause)) + " " + std::to_string((e.from - zero).count() / 1000) + "-" +
            std::to_string((e.to - zero).count() / 1000);
  }
  return text;
}
Stretch from_to(Ms from, Ms to) { return {zero + from, zero + to}; }
Explained of(Cause cause, Ms from, Ms to) { return {zero + from, zero + to, cause}; }
Away away(Ms from, std::optional<Ms> to, bool offline = false) {
  return {zero + from, to ? std::optional{zero + *to} : std::nullopt, offline};
}

TEST(Gaps, a_silence_of_three_intervals_is_none_yet) {
  EXPECT_EQ(told(from_to(0s, 180s), {}), "");
  EXPECT_EQ(told(from_to(0s, 181s), {}), "unknown 0-181");
}

TEST(Gaps, what_the_box_went_through_explains_it_to_the_nodes_return) {
  for (const Cause cause : {Cause::power, Cause::core, Cause::disk_full, Cause::storage, Cause::broker}) {
    const Facts facts{.box = {of(cause, 30s, 3600s)}};
    EXPECT_EQ(told(from_to(0s, 3600s + 5min), facts), std::string(name(cause)) + " 0-3900");
  }
}

TEST(Gaps, a_node_that_came_back_with_a_new_run_was_off) {
  const Facts facts{.away = {away(0s, 600s)}, .starts = {zero + 601s}, .numbered = true};
  EXPECT_EQ(told(from_to(0s, 610s), facts), "node_off 0-610");
}

TEST(Gaps, a_node_that_never_came_back_is_off_where_it_said_so_else_silent) {
  EXPECT_EQ(told(from_to(0s, 600s), {.away = {away(0s, {}, true)}}), "node_off 0-600");
  EXPECT_EQ(told(from_to(0s, 600s), {.away = {away(0s, {})}}), "node_silent 0-600");
}

TEST(Gaps, a_node_that_kept_running_was_out_of_reach) {
  EXPECT_EQ(told(from_to(0s, 600s), {.away = {away(0s, 590s, true)}, .numbered = true}), "network 0-600");
  // By its heartbeat's uptime, when it doesn't number its messages.
  const Facts beating{.away = {away(0s, 590s)}, .same_run = {from_to(-3600s, 620s)}};
  EXPECT_EQ(told(from_to(0s, 600s), beating), "network 0-600");
}

TEST(Gaps, of_a_simple_node_nobody_knows_whether_it_was_off) {
  EXPECT_EQ(told(from_to(0s, 600s), {.away = {away(0s, 590s, true)}}), "node_silent 0-600");
}

TEST(Gaps, a_new_run_that_nobody_noticed_as_absence_is_a_restart) {
  EXPECT_EQ(told(from_to(0s, 240s), {.starts = {zero + 235s}, .numbered = true}), "node_restart 0-240");
  // It explains what is before it only as far as presence would not have noticed.
  EXPECT_EQ(told(from_to(0s, 7200s), {.starts = {zero + 7195s}, .numbered = true}),
            "unknown 0-6835, node_restart 6835-7200");
}

TEST(Gaps, an_announced_sleep_is_none) {
  const Facts facts{.away = {away(0s, 1795s, true)}, .sleep = 900s};
  EXPECT_EQ(told(from_to(0s, 1800s), facts), "");
  EXPECT_EQ(told(from_to(0s, 1801s), facts), "node_silent 0-1801");
}

TEST(Gaps, a_darkness_of_unknown_length_is_the_clocks) {
  EXPECT_EQ(told(from_to(0s, 7200s), {.dark_unknown = {zero + 10s}}), "clock 0-7200");
  // What is known of it counts first.
  const Facts both{.box = {of(Cause::power, 10s, 3600s)}, .dark_unknown = {zero + 10s}};
  EXPECT_EQ(told(from_to(0s, 7200s), both), "power 0-3600, clock 3600-7200");
}

TEST(Gaps, refused_and_excluded_readings_are_named_where_they_were) {
  EXPECT_EQ(told(from_to(0s, 600s), {.of_readings = {of(Cause::rejected, 60s, 540s)}}), "rejected 0-600");
  EXPECT_EQ(told(from_to(0s, 600s), {.of_readings = {of(Cause::excluded, 60s, 540s)}}), "excluded 0-600");
  // One refusal doesn't explain a day.
  EXPECT_EQ(told(from_to(0s, 86'400s), {.of_readings = {of(Cause::rejected, 4000s, 4000s)}}),
            "unknown 0-86400");
}

TEST(Gaps, where_two_explain_the_same_moment_the_first_counts) {
  const Facts facts{.box = {of(Cause::broker, 0s, 9000s), of(Cause::power, 3000s, 6000s)},
                    .away = {away(0s, 9000s, true)},
                    .of_readings = {of(Cause::rejected, 0s, 9000s)}};
  EXPECT_EQ(told(from_to(0s, 9000s), facts), "broker 0-3000, power 3000-6000, broker 6000-9000");
}

TEST(Gaps, a_long_silence_has_its_parts) {
  const Facts facts{.box = {of(Cause::power, 0s, 50'000s)},
                    .away = {away(0s, 300'000s)},
                    .starts = {zero + 300'000s},
                    .numbered = true};
  EXPECT_EQ(told(from_to(0s, 300'000s), facts), "power 0-50000, node_off 50000-300000");
}

TEST(Gaps, a_short_outage_within_a_long_absence_is_no_part_of_its_own) {
  const Facts facts{
      .box = {of(Cause::core, 20'000s, 20'090s)}, .away = {away(0s, 100'000s)}, .starts = {zero + 100'000s}};
  EXPECT_EQ(told(from_to(0s, 100'000s), facts), "node_off 0-100000");
}

TEST(Gaps, a_series_that_speaks_as_it_likes_is_silent_for_no_reason) {
  const Rhythm door{.expected = 60s, .irregular = 3600s};
  EXPECT_EQ(told(from_to(0s, 7200s), {}, door), "");
  EXPECT_EQ(told(from_to(0s, 7201s), {}, door), "unknown 0-7201");
  // But for a known one it is.
  EXPECT_EQ(told(from_to(0s, 600s), {.box = {of(Cause::core, 0s, 590s)}}, door), "core 0-600");
}

TEST(Gaps, a_series_that_speaks_once_an_hour_is_patient) {
  const Rhythm hourly{.expected = 3600s, .irregular = 0s};
  EXPECT_EQ(told(from_to(0s, 10'800s), {.box = {of(Cause::core, 0s, 3000s)}}, hourly), "");
}

TEST(Gaps, a_clock_that_jumped_makes_no_negative_ones) {
  const Facts facts{.box = {of(Cause::power, 9000s, 100s), of(Cause::broker, 500s, 500s)},
                    .away = {away(800s, 200s)},
                    .starts = {zero - 10'000s, zero + 90'000s},
                    .same_run = {from_to(900s, 100s)}};
  EXPECT_EQ(told(from_to(0s, 1000s), facts), "unknown 0-1000");
  EXPECT_EQ(told(from_to(1000s, 0s), facts), "");
}

TEST(Gaps, damaged_stretches_are_cut_out) {
  const std::vector<Stretch> damaged{from_to(100s, 200s), from_to(0s, 10s), from_to(900s, 2000s)};
  EXPECT_EQ(without(from_to(0s, 1000s), damaged), (std::vector{from_to(10s, 100s), from_to(200s, 900s)}));
}

TEST(Gaps, causes_have_names_and_come_back_from_them) {
  for (int i = 0; i <= static_cast<int>(Cause::unknown); ++i)
    EXPECT_EQ(cause_of(name(static_cast<Cause>(i))), static_cast<Cause>(i));
  EXPECT_EQ(cause_of("moon_phase"), Cause::unknown);
}

// ---- one pass over a series ----

TEST(GapFinder, the_rhythm_is_the_median_and_long_distances_are_kept) {
  GapFinder finder{zero, zero + 24h};
  UtcMs ts = zero;
  for (int i = 0; i < 1000; ++i) finder.add(ts += i == 500 ? 3h : i % 2 == 0 ? 59s : 61s, 0);
  const auto rhythm = finder.rhythm();
  ASSERT_TRUE(rhythm);
  EXPECT_GE(rhythm->expected, 59s);
  EXPECT_LE(rhythm->expected, 69s);  // an eighth of an octave
  const auto silences = finder.silences(rhythm->patience());
  ASSERT_EQ(silences.size(), 1u);
  EXPECT_EQ(silences[0].length(), 3h);
  EXPECT_FALSE(finder.more(rhythm->patience()));
}

TEST(GapFinder, slices_say_what_single_readings_say) {
  GapFinder one{zero, zero + 240h}, many{zero, zero + 240h};
  std::vector<std::int64_t> ts;
  std::vector<std::uint8_t> flags;
  std::uint64_t random = 7;
  std::int64_t at = count(zero);
  for (int i = 0; i < 5000; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    at += i % 700 == 3 ? 4'000'000 : static_cast<std::int64_t>(random >> 50);
    ts.push_back(at), flags.push_back(i / 50 == 30 ? flag::excluded : 0);
  }
  for (std::size_t i = 0; i < ts.size(); ++i) one.add(utc_ms(ts[i]), flags[i]);
  const std::span all{ts};
  for (std::size_t i = 0; i < ts.size(); i += 130) {
    const std::size_t n = std::min<std::size_t>(130, ts.size() - i);
    many.slice(all.subspan(i, n), std::span{flags}.subspan(i, n));
  }
  EXPECT_EQ(one.silences(40min), many.silences(40min));
  EXPECT_EQ(one.silences(40min).size(), 8u);
  EXPECT_EQ(one.excluded(), many.excluded());
  ASSERT_EQ(one.excluded().size(), 1u);
  EXPECT_EQ(one.first(), many.first());
  EXPECT_EQ(one.last(), many.last());
}

TEST(GapFinder, the_longest_are_kept_and_that_there_were_more_is_said) {
  GapFinder finder{zero, zero + 24'000h};
  UtcMs ts = zero;
  for (int i = 0; i < 1000; ++i) {
    for (int n = 0; n < 20; ++n) finder.add(ts += 1s, 0);
    finder.add(ts += Ms{10'000 + i}, 0);
  }
  const auto rhythm = finder.rhythm();
  ASSERT_TRUE(rhythm);
  const auto silences = finder.silences(rhythm->patience());
  ASSERT_EQ(silences.size(), limits::gaps_max);
  for (const Stretch& s : silences) EXPECT_GE(s.length(), Ms{10'900});
  EXPECT_TRUE(finder.more(rhythm->patience()));
  EXPECT_FALSE(finder.more(20s));
}

TEST(GapFinder, a_few_readings_have_no_rhythm) {
  GapFinder finder{zero, zero + 24h};
  EXPECT_FALSE(finder.rhythm());
  for (int i = 0; i < 4; ++i) finder.add(zero + i * 60s, 0);
  EXPECT_FALSE(finder.rhythm());
  finder.add(zero + 240s, 0);
  EXPECT_TRUE(finder.rhythm());
}

TEST(GapFinder, a_stretch_known_by_its_header_counts_with_its_mean) {
  GapFinder finder{zero, zero + 24h};
  for (int hour = 0; hour < 6; ++hour) finder.whole(zero + hour * 1h, zero + hour * 1h + 50min, 51);
  const auto rhythm = finder.rhythm();
  ASSERT_TRUE(rhythm);
  EXPECT_LE(rhythm->expected, 69s);
  EXPECT_EQ(finder.silences(rhythm->patience()).size(), 5u);
}

}  // namespace
}  // namespace alona::store
