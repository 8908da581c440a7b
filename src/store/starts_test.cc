#include "store/starts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace alona::store {
namespace {

using namespace std::chrono_literals;
constexpr UtcMs noon = utc_ms(1'795'521'600'000);

std::string name(RunEnd end) {
  switch (end) {
    case RunEnd::none:
      return "none";
    case RunEnd::stopped:
      return "stopped";
    case RunEnd::shutdown:
      return "shutdown";
    case RunEnd::crash:
      return "crash";
    case RunEnd::power:
      return "power";
  }
  return "?";
}

// The diary as it is written, oldest first.
class Diary {
 public:
  void start(Ms at, const std::string& boot, bool clean, const std::string& cause, Ms last = 0s,
             bool dark_known = true) {
    rows_.push_back({noon + at, true, boot, clean, cause, noon + last, dark_known});
  }
  void stop(Ms at, const std::string& boot) {
    rows_.push_back({noon + at, false, boot, true, "", noon + at, false});
  }
  EpochRow& clock(const std::string& boot, ClockSource source, Ms begun) {
    EpochRow e;
    e.no = static_cast<EpochNo>(epochs_.size() + 1);
    e.boot = boot, e.source = source, e.begun = noon + begun;
    epochs_.push_back(e);
    return epochs_.back();
  }
  // "power 100? 10..100", newest first; ? where its time isn't known, .. without an end where the length
  // isn't.
  [[nodiscard]] std::string told(std::size_t max = 10) const {
    std::string text;
    auto newest_first = rows_;
    std::ranges::reverse(newest_first);
    for (const Start& s : starts_of(newest_first, epochs_, max)) {
      const auto seconds = [](UtcMs t) {
        return std::chrono::duration_cast<std::chrono::seconds>(t - noon).count();
      };
      text += fmt::format("{}{} {}{}", text.empty() ? "" : "; ", name(s.before), seconds(s.at),
                          s.at_known ? "" : "?");
      if (s.last) text += fmt::format(" {}..", seconds(*s.last));
      if (s.dark) text += fmt::format("{}", seconds(*s.last + *s.dark));
    }
    return text;
  }

 private:
  std::vector<PowerRow> rows_;
  std::vector<EpochRow> epochs_;
};

TEST(Starts, an_ordered_stop_a_crash_and_a_power_cut_are_told_apart) {
  Diary diary;
  diary.clock("a", ClockSource::ntp, 0s), diary.clock("b", ClockSource::ntp, 900s),
      diary.clock("c", ClockSource::ntp, 2000s);
  diary.start(0s, "a", false, "");
  diary.start(100s, "a", false, "core", 90s);
  diary.stop(200s, "a");
  diary.start(300s, "a", true, "core", 200s);
  diary.start(900s, "b", false, "power", 400s);
  diary.stop(1000s, "b");
  diary.start(2000s, "c", true, "core", 1000s);
  EXPECT_EQ(diary.told(),
            "shutdown 2000 1000..2000; power 900 400..900; stopped 300 200..300; crash 100 90..100; none 0");
  EXPECT_EQ(diary.told(2), "shutdown 2000 1000..2000; power 900 400..900");
}

TEST(Starts, nothing_is_guessed_of_what_the_diary_no_longer_has) {
  Diary diary;
  EXPECT_EQ(diary.told(), "");
  diary.clock("b", ClockSource::ntp, 900s);
  diary.start(900s, "b", true, "core", 400s);  // whether it was a shutdown stood in the row before
  diary.start(950s, "b", false, "core", 940s);
  EXPECT_EQ(diary.told(), "crash 950 940..950");
}

TEST(Starts, without_a_clock_neither_the_time_nor_the_length_is_known) {
  Diary diary;
  diary.clock("a", ClockSource::ntp, 0s), diary.clock("b", ClockSource::floor, 500s);
  diary.start(0s, "a", false, "");
  diary.start(500s, "b", false, "power", 500s, false);
  EXPECT_EQ(diary.told(), "power 500? 500..; none 0");
}

TEST(Starts, a_time_that_was_put_right_in_its_own_boot_is_known) {
  Diary diary;
  diary.clock("a", ClockSource::ntp, 0s);
  EpochRow& floor = diary.clock("b", ClockSource::floor, 500s);
  floor.shift = 3600s, floor.truth = Truth::known;
  diary.start(0s, "a", false, "");
  diary.start(500s, "b", false, "power", 500s, false);
  diary.stop(600s, "b");  // before anybody told the time
  diary.start(610s, "b", true, "core", 600s, false);
  diary.clock("b", ClockSource::ntp, 5000s);
  EXPECT_EQ(diary.told().substr(diary.told().find("; ") + 2), "power 4100 500..; none 0");
}

TEST(Starts, a_start_that_its_own_run_has_settled_is_not_moved_again) {
  Diary diary;
  diary.clock("a", ClockSource::ntp, 0s);
  EpochRow& floor = diary.clock("b", ClockSource::floor, 500s);
  floor.shift = 3600s, floor.truth = Truth::known;
  diary.clock("b", ClockSource::ntp, 4400s);
  diary.start(0s, "a", false, "");
  diary.start(4100s, "b", false, "power", 500s, true);
  EXPECT_EQ(diary.told(), "power 4100 500..4100; none 0");
}

TEST(Starts, a_bound_is_no_knowledge) {
  Diary diary;
  diary.clock("a", ClockSource::ntp, 0s);
  EpochRow& floor = diary.clock("b", ClockSource::floor, 500s);
  floor.shift = 60s, floor.truth = Truth::bound;
  diary.start(0s, "a", false, "");
  diary.start(500s, "b", false, "power", 500s, false);
  EXPECT_EQ(diary.told(), "power 560? 500..; none 0");
}

TEST(Starts, a_clock_that_went_back_makes_no_darkness_of_less_than_nothing) {
  Diary diary;
  EpochRow& visitor = diary.clock("b", ClockSource::visitor, 500s);
  visitor.shift = -400s, visitor.truth = Truth::known;
  diary.start(0s, "a", false, "");
  diary.start(500s, "b", false, "power", 300s, true);
  EXPECT_EQ(diary.told(), "power 100 300..300; none 0?");
}

}  // namespace
}  // namespace alona::store
