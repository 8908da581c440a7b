// Gaps in real files: what the writer noted is what the reader tells; and the thinning of old heartbeats.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "store/checksum_vfs.h"
#include "store/reader.h"
#include "store/writer.h"

namespace alona::store {
namespace {
using namespace std::chrono_literals;

constexpr UtcMs noon = utc_ms(1'795'521'600'000);
constexpr NodeNo roof{1};
constexpr SeriesNo temperature{1};

class Box {
 public:
  Box() {
    char name[] = "/tmp/alona-gaps-XXXXXX";
    folder_ = mkdtemp(name);
    auto opened = Writer::open(db(), Open::create);
    EXPECT_TRUE(opened) << opened.error().text();
    writer = std::make_unique<Writer>(std::move(*opened));
    Batch batch;
    batch.received = noon;
    batch.nodes = {{roof, "roof", "", "", noon}};
    batch.series = {{temperature, roof, "t", "m", "", {}}};
    commit(batch);
  }
  ~Box() {
    writer.reset();
    std::filesystem::remove_all(folder_);
  }
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  void commit(const Batch& batch) {
    const auto done = writer->commit(batch);
    ASSERT_TRUE(done) << done.error().text();
  }
  // A reading each `every` in [from, to).
  void speak(Ms from, Ms to, Ms every = 10s, std::uint8_t flags = 0) {
    Batch batch;
    for (Ms t = from; t < to; t += every) batch.readings.push_back({temperature, noon + t, 1.5, flags});
    batch.received = batch.readings.back().ts;
    commit(batch);
  }
  void presence(Ms at, Presence state, Ms seen) {
    Batch batch;
    batch.received = noon + at;
    batch.presence = {{roof, noon + at, state, noon + seen}};
    commit(batch);
  }
  void boot(Ms at, std::uint32_t number) {
    Batch batch;
    batch.received = noon + at;
    batch.boots = {{roof, noon + at, number}};
    commit(batch);
  }
  void seal_all() {
    ASSERT_TRUE(writer->fold({}, noon));
    for (int slice = 0; slice < 1000; ++slice) {
      const auto more = writer->seal_some(20ms, 2);
      ASSERT_TRUE(more) << more.error().text();
      if (!*more) return;
    }
  }
  // "core 600-1200, unknown 2000-3000"
  [[nodiscard]] std::string gaps(Ms from, Ms to, std::optional<Ms> now = {}, std::size_t points = 10'000) {
    auto reader = Reader::open(db());
    const auto history =
        reader->history({temperature, noon + from, noon + to, points, now ? noon + *now : UtcMs{}});
    EXPECT_TRUE(history) << history.error().text();
    std::string text;
    for (const Gap& g : history->gaps) {
      if (!text.empty()) text += ", ";
      text += fmt::format("{} {}-{}", g.cause, (g.from - noon).count() / 1000, (g.to - noon).count() / 1000);
    }
    return text;
  }
  void start(Ms at, const std::string& boot, Ms floor, bool trusted = true) {
    const auto done = writer->note_start({boot, noon + at, trusted, noon + floor});
    ASSERT_TRUE(done) << done.error().text();
    started = *done;
    clock({.boot = boot, .source = trusted ? ClockSource::ntp : ClockSource::floor, .begun = noon + at});
  }
  // A new stretch of the core's clock.
  void clock(EpochRow stretch) {
    stretch.no = static_cast<EpochNo>(++stretches_);
    Batch batch;
    batch.received = stretch.begun;
    batch.epochs = {std::move(stretch)};
    commit(batch);
  }
  [[nodiscard]] std::string ask(const char* sql) const {
    SQLite::Database shell{db().string(), SQLite::OPEN_READONLY, 5000, *checksum_vfs()};
    SQLite::Statement s{shell, sql};
    std::string text;
    while (s.executeStep()) {
      if (!text.empty()) text += "; ";
      for (int i = 0; i < s.getColumnCount(); ++i) {
        if (i > 0) text += ',';
        text += s.getColumn(i).getString();
      }
    }
    return text;
  }
  [[nodiscard]] std::filesystem::path db() const { return folder_ / "a.sqlite3"; }

  std::unique_ptr<Writer> writer;
  Writer::Started started;

 private:
  int stretches_ = 0;
  std::filesystem::path folder_;
};

TEST(GapStore, a_start_says_how_the_run_before_it_ended) {
  Box box;
  box.start(0s, "a", 0s);
  box.speak(0s, 600s);
  box.start(1000s, "a", 590s);  // the same boot, no stop
  ASSERT_TRUE(box.writer->note_stop("a", noon + 2000s, true));
  box.start(2100s, "a", 590s);
  box.start(9000s, "b", 8000s);  // another boot, no stop
  box.start(20'000s, "c", 8000s, false);
  EXPECT_EQ(box.ask("SELECT kind, clean, cause, dark_ms FROM power_event ORDER BY id"),
            "0,0,core,; 0,0,core,410000; 1,1,,; 0,1,core,100000; 0,0,power,1000000; 0,0,power,");
  // Later the clock is trusted, and both ends are known.
  ASSERT_TRUE(box.writer->settle_start(box.started, noon + 20'100s));
  EXPECT_EQ(box.ask("SELECT at - last, dark_ms FROM power_event ORDER BY id DESC LIMIT 1"),
            "11100000,11100000");
}

TEST(GapStore, the_first_start_has_nothing_before_it) {
  char name[] = "/tmp/alona-gaps-XXXXXX";
  const std::filesystem::path folder = mkdtemp(name);
  {
    auto writer = Writer::open(folder / "a.sqlite3", Open::create);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->note_start({"a", noon, true, {}}));
    SQLite::Database shell{(folder / "a.sqlite3").string(), SQLite::OPEN_READONLY, 5000, *checksum_vfs()};
    EXPECT_EQ(shell.execAndGet("SELECT cause || '.' FROM power_event").getString(), ".");
  }
  std::filesystem::remove_all(folder);
}

TEST(GapStore, power_core_and_outages_explain_their_stretch_hot_and_sealed) {
  Box box;
  box.start(0s, "a", 0s);
  box.speak(0s, 1000s);
  box.start(2000s, "b", 990s);
  box.speak(2020s, 3000s);
  box.start(3500s, "b", 2990s);
  box.speak(3510s, 4000s);
  ASSERT_TRUE(box.writer->put_outage("broker", noon + 4000s, noon + 4500s));
  box.speak(4505s, 5000s);
  ASSERT_TRUE(box.writer->put_outage("disk_full", noon + 4990s, noon + 6000s));
  box.speak(6000s, 7000s);
  const std::string wanted = "power 990-2020, core 2990-3510, broker 3990-4505, disk_full 4995-6000";
  EXPECT_EQ(box.gaps(0s, 7000s), wanted);
  box.seal_all();
  EXPECT_EQ(box.gaps(0s, 7000s), wanted);
  // Looked at from within, and with buckets that are longer.
  EXPECT_EQ(box.gaps(1200s, 1500s, 1500s), "power 1200-1500");
  EXPECT_EQ(box.gaps(0s, 7000s, {}, 5), "");
}

// No clock of its own: it starts where the last sign of life was, and hears the true time minutes later. What
// it stamped until then is moved; its start was timed anew and isn't moved once more.
TEST(GapStore, a_start_that_was_timed_anew_is_not_moved_with_its_stretch) {
  Box box;
  box.start(0s, "a", 0s);
  box.speak(0s, 1000s);
  box.start(1000s, "b", 990s, false);
  ASSERT_TRUE(box.writer->settle_start(box.started, noon + 9000s));
  box.clock({.boot = "b", .source = ClockSource::ntp, .begun = noon + 9100s});
  Batch known;
  known.received = noon + 9100s;
  known.epochs = {{.no = EpochNo{2},
                   .boot = "b",
                   .begun = noon + 1000s,
                   .ended = noon + 1100s,
                   .shift = 8000s,
                   .truth = Truth::known}};
  box.commit(known);
  box.speak(9100s, 10'000s);
  box.presence(10'010s, Presence::offline, 9990s);
  box.speak(13'000s, 14'000s);
  EXPECT_EQ(box.gaps(0s, 14'000s), "power 990-9100, node_off 9990-13000");
}

TEST(GapStore, an_outage_that_a_crash_left_open_ends_where_the_core_did) {
  Box box;
  box.start(0s, "a", 0s);
  const auto row = box.writer->put_outage("broker", noon + 100s, std::nullopt);
  ASSERT_TRUE(row);
  box.start(1000s, "a", 700s);
  EXPECT_EQ(box.ask("SELECT until - since FROM outage"), "600000");
  ASSERT_TRUE(box.writer->end_outage(*row, noon));
  EXPECT_EQ(box.ask("SELECT until - since FROM outage"), "0");
}

TEST(GapStore, the_nodes_own_absences) {
  Box box;
  box.boot(0s, 7);
  box.speak(0s, 1000s);
  box.presence(1040s, Presence::stale, 990s);
  box.presence(1500s, Presence::online, 1500s);
  box.speak(1500s, 2000s);  // the same boot: it ran on
  box.presence(2010s, Presence::offline, 1990s);
  box.presence(3000s, Presence::online, 3000s);
  box.boot(3001s, 8);
  box.speak(3001s, 4000s);
  box.boot(4100s, 9);  // away too short for anybody to notice
  box.speak(4100s, 5000s);
  box.presence(5010s, Presence::offline, 4990s);
  EXPECT_EQ(box.gaps(0s, 9000s, 9000s),
            "network 990-1500, node_off 1990-3001, node_restart 3991-4100, node_off 4990-9000");
  EXPECT_EQ(box.gaps(6000s, 7000s, 9000s), "node_off 6000-7000");
  // Nobody knows whether a silence lasts when no time is given.
  EXPECT_EQ(box.gaps(4200s, 9000s), "");
}

TEST(GapStore, a_simple_node_is_known_by_its_heartbeats) {
  Box box;
  const auto beat = [&](Ms at, std::int64_t uptime_s) {
    Batch batch;
    batch.received = noon + at;
    HeartbeatRow h;
    h.node = roof, h.ts = noon + at, h.uptime_s = uptime_s;
    batch.heartbeats = {h};
    box.commit(batch);
  };
  box.speak(0s, 1000s);
  box.presence(1040s, Presence::stale, 990s);
  box.presence(2000s, Presence::online, 2000s);
  beat(2001s, 5000);
  box.speak(2000s, 3000s);
  box.presence(3040s, Presence::stale, 2990s);
  box.presence(4000s, Presence::online, 4000s);
  beat(4002s, 10);
  box.speak(4000s, 5000s);
  const std::string wanted = "network 990-2000, node_off 2990-4000";
  EXPECT_EQ(box.gaps(0s, 5000s), wanted);
  box.seal_all();
  EXPECT_EQ(box.gaps(0s, 5000s), wanted);
}

TEST(GapStore, refused_excluded_asleep_and_new) {
  Box box;
  EXPECT_EQ(box.gaps(0s, 900s, 900s), "");  // nothing ever: no gap either
  box.speak(500s, 1000s);
  Batch refusing;
  refusing.received = noon + 1010s;
  for (const Ms at : {1010s, 1190s})
    refusing.rejects.push_back(
        {.node = "roof", .topic = "alona/roof/telemetry/t", .reason = "json", .at = noon + at});
  box.commit(refusing);
  box.speak(1200s, 2000s);
  box.speak(2000s, 2200s, 10s, flag::excluded);
  box.speak(2200s, 3000s);
  EXPECT_EQ(box.gaps(0s, 3000s), "rejected 990-1200, excluded 1990-2200");  // and before 500 s it was new
  Batch sleeping;
  sleeping.received = noon + 3000s;
  sleeping.nodes = {{roof, "roof", "", "", noon, false, false, 400s}};
  box.commit(sleeping);
  box.speak(3700s, 4000s);
  EXPECT_EQ(box.gaps(2500s, 4000s), "");
  EXPECT_EQ(box.gaps(2500s, 4900s, 4700s), "");
  EXPECT_EQ(box.gaps(2500s, 4900s, 4900s), "unknown 3990-4900");
}

TEST(GapStore, a_day_says_what_is_missing_of_it) {
  Box box;
  box.start(0s, "a", 0s);
  box.speak(0s, 1h);
  box.start(3h, "b", 1h);
  box.speak(3h, 4h);
  auto reader = Reader::open(box.db());
  const std::int32_t day = utc_day(noon);
  const auto known = reader->completeness(roof, day, day + 1, noon + 16h);
  ASSERT_TRUE(known) << known.error().text();
  EXPECT_FALSE(known->numbered);
  ASSERT_EQ(known->days.size(), 2u);
  const DayGaps& first = known->days[0];
  EXPECT_EQ(first.day, day);
  ASSERT_EQ(first.parts.size(), 2u);
  EXPECT_EQ(first.parts[0].cause, "unknown");  // nothing since 4 h after noon; midnight is 12 h after it
  EXPECT_EQ(first.parts[0].length, 8h + 10s);
  EXPECT_EQ(first.parts[1].cause, "power");
  EXPECT_EQ(first.parts[1].length, 2h + 10s);
  EXPECT_NEAR(first.missing, 3600, 3600.0 / 7);  // 10 h of one each 10 s, as exact as the rhythm
  EXPECT_EQ(known->days[1].parts[0].length, 4h);
}

TEST(GapStore, old_heartbeats_become_one_an_hour_with_the_lowest_battery_and_the_worst_signal) {
  Box box;
  const auto beats = [&](Ms from, int n) {
    Batch batch;
    batch.received = noon;
    for (int i = 0; i < n; ++i) {
      HeartbeatRow h;
      h.node = roof, h.ts = noon + from + i * 60s, h.uptime_s = i, h.rssi_dbm = i == 20 ? -90 : -60;
      h.battery_v = i == 30 ? 3.1 : 3.9;
      batch.heartbeats.push_back(h);
    }
    for (int i = 0; i < 10; ++i) batch.readings.push_back({temperature, noon + from + i * 1s, 1, 0});
    box.commit(batch);
  };
  beats(-40 * 24h, 60);
  beats(-39 * 24h, 120);
  beats(-1h, 10);
  box.seal_all();
  int calls = 1;
  while (true) {
    const auto more = box.writer->thin_heartbeats(noon, 0ms);
    ASSERT_TRUE(more) << more.error().text();
    if (!*more) break;
    ++calls;
  }
  EXPECT_EQ(calls, 2);  // a day each
  EXPECT_EQ(box.ask("SELECT uptime_s, rssi_dbm, battery_v FROM heartbeat WHERE uptime_s > 10 ORDER BY id"),
            "59,-90,3.1; 59,-90,3.1; 119,-60,3.9");
  EXPECT_EQ(box.ask("SELECT count(*) FROM heartbeat"), "13");
  // Again: nothing to do, and nothing changes.
  const auto again = box.writer->thin_heartbeats(noon, 0ms);
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again);
  EXPECT_EQ(box.ask("SELECT count(*) FROM heartbeat"), "13");
}

TEST(GapStore, what_a_crash_loop_notes_has_an_end) {
  Box box;
  for (std::uint32_t i = 0; i < 1100; ++i) box.boot(Ms{i}, i);
  EXPECT_EQ(box.ask("SELECT count(*), min(boot) FROM node_boot"), "1000,100");
}

}  // namespace
}  // namespace alona::store
