// What the box notes of itself, seen in the gaps that a reader tells.
#include "ingest/diary.h"

#include "ingest/test_box.h"

namespace alona::ingest {
namespace {
using namespace std::chrono_literals;

class DiaryBox : public TestBox {
 public:
  void begin(const std::string& boot) {
    diary = std::make_unique<Diary>(*writer, *ingest, clock, boot);
    diary->start();
    diary->broker(true);
  }
  // One reading a second.
  void speak(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock.advance(1s);
      send("alona/roof/telemetry/t", R"({"v":1,"sensor":"t","value":1,"unit":"C"})", 0);
      commit();
      diary->every_second();
    }
  }
  void silence(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock.advance(1s);
      diary->every_second();
    }
  }
  [[nodiscard]] std::string gaps() const {
    auto reader = store::Reader::open(db());
    const auto history = reader->history({store::SeriesNo{1}, noon, noon + 24h, 5'000, clock.utc()});
    EXPECT_TRUE(history);
    std::string text;
    for (const store::Gap& g : history->gaps)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", g.cause, (g.to - g.from).count() / 1000);
    return text;
  }
  std::unique_ptr<Diary> diary;
};

TEST(Diary, an_outage_of_the_broker_is_noted_when_it_ends_or_lasts) {
  DiaryBox box;
  box.begin("a");
  box.speak(20);
  box.diary->broker(false);
  box.silence(5);
  EXPECT_EQ(box.gaps(), "unknown 5");  // it lasts: not yet written
  box.diary->broker(true);
  box.speak(20);
  EXPECT_EQ(box.gaps(), "broker 6");
  box.diary->broker(false);
  box.silence(30);
  EXPECT_EQ(box.gaps(), "broker 6, broker 30");
  box.diary->broker(true);
  box.speak(20);
  EXPECT_EQ(box.gaps(), "broker 6, broker 31");
}

TEST(Diary, a_short_one_is_nothing) {
  DiaryBox box;
  box.begin("a");
  box.speak(10);
  for (int i = 0; i < 5; ++i) {
    box.diary->broker(false);
    box.clock.advance(1s);
    box.diary->broker(true);
    box.speak(3);
  }
  EXPECT_EQ(box.gaps(), "");
}

TEST(Diary, a_disk_without_room_is_noted_when_it_takes_changes_again) {
  DiaryBox box;
  box.begin("a");
  box.speak(20);
  box.diary->storing_failed(Errc::disk_full);
  box.clock.advance(100s);
  box.diary->storing_failed(Errc::io);  // of the same outage
  box.clock.advance(100s);
  box.diary->stores_again();
  box.speak(20);
  EXPECT_EQ(box.gaps(), "disk_full 201");
}

TEST(Diary, a_crash_a_stop_and_a_power_cut) {
  DiaryBox box;
  box.begin("a");
  box.speak(20);
  box.clock.advance(100s);
  box.restart();
  box.begin("a");
  box.speak(20);
  box.diary->stop();
  box.clock.advance(200s);
  box.restart();
  box.begin("b");
  box.speak(20);
  box.clock.advance(300s);
  box.restart();
  box.begin("c");
  box.speak(20);
  EXPECT_EQ(box.gaps(), "core 101, core 201, power 301");
}

// The house was quiet for long before the core ended: that isn't the core's fault.
TEST(Diary, a_quiet_house_is_not_a_dark_one) {
  DiaryBox box;
  box.begin("a");
  box.speak(20);
  box.silence(7200);
  box.clock.advance(3600s);
  box.restart();
  box.begin("b");
  box.speak(20);
  EXPECT_EQ(box.gaps(), "unknown 7180, power 3621");
}

TEST(Diary, a_clock_that_is_set_later_tells_when_the_start_was) {
  DiaryBox box;
  box.begin("a");
  box.speak(20);
  box.clock.reboot(box.clock.utc());
  box.restart();
  box.begin("b");
  box.silence(2);
  box.clock.set_utc(box.clock.utc() + 3600s);
  box.clock.set_trusted(true);
  box.ingest->tick();
  box.silence(1);
  box.speak(20);
  EXPECT_EQ(box.gaps(), "power 3604");
}

TEST(Sleep, who_says_for_how_long_counts_as_there) {
  TestBox box;
  box.send("alona/roof/telemetry/t", R"({"v":1,"sensor":"t","value":1,"unit":"C"})");
  box.send("alona/roof/status", R"({"v":1,"state":"offline","sleep":3600})");
  box.commit();
  EXPECT_EQ(box.ingest->everything()->presence.at(0).state, store::Presence::online);
  EXPECT_EQ(box.ingest->nodes().at(0).sleep, 3600s);
  box.clock.advance(7200s);
  box.ingest->tick();
  EXPECT_EQ(box.ingest->everything()->presence.at(0).state, store::Presence::online);
  box.clock.advance(1s);
  box.ingest->tick();
  EXPECT_EQ(box.ingest->everything()->presence.at(0).state, store::Presence::stale);
  box.commit();
  box.restart();
  EXPECT_EQ(box.ingest->nodes().at(0).sleep, 3600s);
  // What the broker kept of it is no sign of life.
  box.send("alona/roof/status", R"({"v":1,"state":"offline","sleep":3600})", 2, true);
  EXPECT_EQ(box.ingest->everything()->presence.at(0).state, store::Presence::stale);
}

TEST(Boots, a_new_boot_number_is_noted_once) {
  TestBox box;
  box.temperature(1, 20, 7);
  box.temperature(2, 20, 7);
  box.temperature(1, 20, 8);
  const Committed committed = box.commit();
  ASSERT_EQ(committed.changes->boots.size(), 2u);
  EXPECT_EQ(committed.changes->boots[1].boot, 8u);
  box.temperature(3, 20, 7);
  EXPECT_TRUE(box.commit().changes->boots.empty());
}

}  // namespace
}  // namespace alona::ingest
