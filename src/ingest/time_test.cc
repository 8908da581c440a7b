// The core's clock by script: what it makes of boots in 1970, wrong years and jumps, and that one word about
// the true time moves what lies behind without touching it.
#include "ingest/test_box.h"
#include "store/test_bytes.h"

namespace alona::ingest {
namespace {

using namespace std::chrono_literals;
using store::ClockSource;

class ClockScript : public ::testing::Test {
 protected:
  // A reading of the box's own time, `level`: counted up, so that the right order is known.
  void reading() {
    ++told;
    box.send("alona/roof/telemetry/level",
             fmt::format(R"({{"v":1,"sensor":"level","value":{},"unit":"m"}})", told),
             static_cast<std::uint16_t>(told));
  }
  // One a minute for so long.
  void go_on(Ms span) {
    for (Ms t{0}; t < span; t += 1min) {
      box.clock.advance(1min);
      tick();
      reading();
      if (told % 7 == 0) commit();
    }
    commit();
  }
  void tick() { box.ingest->tick(); }
  // As the service does.
  void commit() {
    const Committed committed = box.commit();
    if (!committed.moved) return;
    ASSERT_TRUE(box.ingest->fold());
    ASSERT_TRUE(box.ingest->load());
  }
  void seal() {
    ASSERT_TRUE(box.ingest->fold());
    for (int slices = 0; slices < 1000; ++slices) {
      const auto more = box.writer->seal_some(20ms, 4);
      ASSERT_TRUE(more) << more.error().text();
      if (!*more) return;
    }
    FAIL() << "it doesn't end";
  }
  [[nodiscard]] std::string stored() const { return store::sealed_bytes(box.db()); }
  [[nodiscard]] std::vector<store::EpochRow> epochs() const { return box.writer->load()->epochs; }
  // Each reading once, in the order it came; gives their times.
  [[nodiscard]] std::vector<UtcMs> times() const {
    std::vector<UtcMs> times, shown;
    double value = 0;
    for (const auto& row : box.exported()) {
      EXPECT_EQ(row.value, ++value);
      EXPECT_TRUE(times.empty() || row.ts > times.back()) << row.value;
      times.push_back(row.ts);
      if ((row.flags & store::flag::excluded) == 0) shown.push_back(row.ts);
    }
    EXPECT_EQ(times.size(), static_cast<std::size_t>(told));
    check_history(shown);
    return times;
  }
  void check_history(const std::vector<UtcMs>& expected) const {
    auto reader = store::Reader::open(box.db());
    const auto history = reader->history({store::SeriesNo{1}, UtcMs{}, utc_ms(4'000'000'000'000), 100'000});
    ASSERT_TRUE(history);
    ASSERT_EQ(history->buckets.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(history->buckets[i].start, expected[i]);
  }
  [[nodiscard]] int quality_of_last() const {
    return box.exported().back().flags & store::flag::quality_mask;
  }
  // What the overview would show.
  [[nodiscard]] UtcMs last_shown() const { return box.ingest->everything()->readings.at(0).ts; }

  // One event, by the core's clock, and one of the node's own time.
  void events(std::string_view type) {
    box.send(fmt::format("alona/roof/event/{}", type),
             fmt::format(R"({{"v":1,"type":"{}","data":null}})", type), 0);
    box.send("alona/roof/event/timed", R"({"v":1,"type":"timed","data":null,"ts":1795000000})", 0);
  }
  [[nodiscard]] std::vector<UtcMs> told_at(std::string_view type) const {
    auto reader = store::Reader::open(box.db());
    std::vector<UtcMs> found;
    const auto rows = reader->events({}, UtcMs{}, utc_ms(4'000'000'000'000), 1000);
    for (const auto& row : *rows) {
      if (row.type == type) found.insert(found.begin(), row.ts);
    }
    return found;
  }
  [[nodiscard]] std::vector<store::PresenceRow> presence() const {
    auto rows = *store::Reader::open(box.db())->presence({}, UtcMs{}, utc_ms(4'000'000'000'000), 1000);
    std::ranges::reverse(rows);
    return rows;
  }

  TestBox box;
  int told = 0;
};

TEST_F(ClockScript, a_boot_in_1970_and_true_time_after_an_hour) {
  box.clock.reboot(UtcMs{1h});
  box.restart();
  go_on(1h);
  EXPECT_EQ(box.ingest->clock_source(), ClockSource::floor);
  EXPECT_EQ(quality_of_last(), static_cast<int>(TimeQuality::provisional));
  EXPECT_LT(times().back(), utc_ms(0) + 48h);
  seal();
  const std::string before = stored();
  EXPECT_FALSE(before.empty());
  box.clock.set_utc(noon);
  box.clock.set_trusted(true);
  tick();
  commit();
  EXPECT_EQ(stored(), before);
  EXPECT_EQ(times().back(), noon);
  EXPECT_EQ(times().front(), noon - 59min);
  EXPECT_EQ(last_shown(), noon);
  go_on(10min);
  EXPECT_EQ(quality_of_last(), static_cast<int>(TimeQuality::receipt));
  EXPECT_EQ(times().back(), noon + 10min);
  seal();
  EXPECT_EQ(times().back(), noon + 10min);
  box.restart();
  EXPECT_EQ(times().front(), noon - 59min);
  EXPECT_EQ(epochs().size(), 2u);  // the same boot goes on
}

TEST_F(ClockScript, a_year_ahead_then_true) {
  box.clock.reboot(noon + 365 * 24h);
  box.restart();
  go_on(30min);  // nothing to hold it against: believed, not trusted
  EXPECT_EQ(box.ingest->clock_source(), ClockSource::chip);
  seal();
  box.clock.reboot(noon);
  box.restart();  // before the floor: not believed
  go_on(30min);
  EXPECT_EQ(box.ingest->clock_source(), ClockSource::floor);
  EXPECT_GT(times().back(), noon + 365 * 24h);
  const std::string before = stored();
  box.clock.set_trusted(true);
  tick();
  commit();
  EXPECT_EQ(stored(), before);
  EXPECT_EQ(times().back(), noon + 30min);
  EXPECT_LE(times().front(), noon);
  EXPECT_EQ(epochs()[0].truth, store::Truth::bound);
  EXPECT_EQ(epochs()[1].truth, store::Truth::known);
  go_on(10min);
  // The floor has come down with it: a start without any true time goes on from here.
  box.clock.reboot(UtcMs{});
  box.restart();
  EXPECT_LT(box.ingest->now(), noon + 2h);
  EXPECT_GE(box.ingest->now(), noon + 40min);
  go_on(5min);
  seal();
  box.restart();
  EXPECT_LT(times().back(), noon + 2h);
}

TEST_F(ClockScript, an_hour_ahead_jumps_back) {
  box.clock.set_utc(noon + 1h);
  box.restart();
  go_on(2h);
  // Nothing sealed yet: the later word of the network counts, for the whole stretch.
  box.clock.set_utc(box.clock.utc() - 1h);
  tick();
  commit();
  EXPECT_EQ(times().front(), noon + 1min);
  EXPECT_EQ(times().back(), noon + 2h);
  EXPECT_EQ(quality_of_last(), static_cast<int>(TimeQuality::receipt));
  go_on(90min);
  seal();  // settled now, but for what was moved
  EXPECT_EQ(times().back(), noon + 2h + 90min);
  box.restart();
  EXPECT_EQ(times().front(), noon + 1min);
}

TEST_F(ClockScript, what_is_settled_stays) {
  go_on(1h);
  seal();
  EXPECT_TRUE(epochs()[0].settled);
  const UtcMs first = times().front();
  box.clock.set_utc(box.clock.utc() - 20s);
  tick();
  commit();
  EXPECT_EQ(box.ingest->now(), noon + 1h - 20s);
  EXPECT_EQ(times().front(), first);
  EXPECT_EQ(epochs()[0].shift, 0ms);
  for (const auto& epoch : epochs()) EXPECT_LE(static_cast<int>(epoch.no), 2);
}

TEST_F(ClockScript, two_boots_without_true_time_then_truth) {
  go_on(10min);
  const UtcMs known_until = times().back();
  for (int boot = 0; boot < 2; ++boot) {
    box.clock.reboot(UtcMs{});
    box.restart();
    go_on(30min);
    if (boot == 0) seal();
  }
  (void)times();  // in order, by the floor
  EXPECT_EQ(quality_of_last(), static_cast<int>(TimeQuality::provisional));
  seal();
  const std::string before = stored();
  const UtcMs truth = noon + 7 * 24h;
  box.clock.set_utc(truth);
  box.clock.set_trusted(true);
  tick();
  commit();
  EXPECT_EQ(stored(), before);
  const auto after = times();
  EXPECT_EQ(after[9], known_until);  // of a stretch that had true time
  EXPECT_EQ(after.back(), truth);    // of this boot: exactly
  EXPECT_EQ(after[10 + 30], truth - 29min);
  EXPECT_LE(after[10 + 29], truth - 30min);  // of the boot before: ends where this one begins
  EXPECT_GT(after[10 + 29], truth - 32min);
  for (const bool again : {false, true}) {
    SCOPED_TRACE(again);
    go_on(5min);
    seal();
    box.restart();
    EXPECT_EQ(times()[10 + 30], truth - 29min);
  }
}

TEST_F(ClockScript, a_chip_is_believed_within_a_day_and_a_visitor_always) {
  go_on(10min);
  box.clock.reboot(noon + 20h);
  box.restart();
  EXPECT_EQ(box.ingest->clock_source(), ClockSource::chip);
  EXPECT_FALSE(box.ingest->clock_trusted());
  go_on(10min);
  box.clock.reboot(noon + 72h);
  box.restart();
  EXPECT_EQ(box.ingest->clock_source(), ClockSource::floor);
  go_on(10min);
  ASSERT_TRUE(box.ingest->set_time(noon + 72h + 10min, "someone"));
  commit();
  EXPECT_EQ(box.ingest->clock_source(), ClockSource::visitor);
  EXPECT_TRUE(box.ingest->clock_trusted());
  EXPECT_EQ(times().back(), noon + 72h + 10min);
  EXPECT_EQ(times()[19], noon + 20h + 10min);  // the chip was right, as far as anyone knows
  EXPECT_FALSE(box.ingest->set_time(utc_ms(0), "someone"));
  box.clock.set_utc(noon + 71h);
  box.clock.set_trusted(true);
  tick();
  commit();
  EXPECT_EQ(box.ingest->clock_source(), ClockSource::ntp);
  EXPECT_EQ(times().back(), noon + 71h);
  EXPECT_FALSE(box.ingest->set_time(noon, "someone"));
}

// As when what was exported here is imported again.
TEST_F(ClockScript, what_was_moved_is_known_at_its_true_time) {
  box.clock.reboot(UtcMs{1h});
  box.restart();
  go_on(20min);
  seal();
  box.clock.set_utc(noon);
  box.clock.set_trusted(true);
  tick();
  commit();
  go_on(3min);
  std::vector<store::ReadingRow> asked;
  for (const auto& row : box.exported()) asked.push_back({store::SeriesNo{1}, row.ts, row.value, row.flags});
  const auto known = box.writer->known(asked);
  ASSERT_TRUE(known);
  ASSERT_EQ(known->size(), 23u);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    ASSERT_TRUE((*known)[i]) << i;
    EXPECT_EQ((*known)[i]->value, asked[i].value) << i;
  }
}

TEST_F(ClockScript, events_and_presence_follow) {
  box.clock.reboot(UtcMs{1h});
  box.restart();
  go_on(10min);
  events("door");
  box.send("alona/roof/error", R"({"v":1,"code":"sht3x","message":"no answer"})", 0);
  box.clock.advance(20min);
  tick();  // silent for too long
  commit();
  ASSERT_EQ(presence().size(), 2u);
  EXPECT_EQ(presence()[1].state, store::Presence::stale);
  EXPECT_LT(presence()[1].at, utc_ms(0) + 48h);
  box.clock.advance(30min);
  box.clock.set_utc(noon);
  box.clock.set_trusted(true);
  tick();
  commit();
  const auto check = [&] {
    EXPECT_EQ(told_at("door"), std::vector<UtcMs>{noon - 50min});
    EXPECT_EQ(told_at("timed"), std::vector<UtcMs>{utc_ms(1'795'000'000'000)});
    const auto errors = store::Reader::open(box.db())->errors({}, noon - 51min, noon - 49min, 9);
    ASSERT_TRUE(errors);
    EXPECT_EQ(errors->size(), 1u);
    const auto rows = presence();
    ASSERT_GE(rows.size(), 2u);
    EXPECT_EQ(rows[0].at, noon - 59min);
    EXPECT_EQ(rows[1].at, noon - 30min);
    EXPECT_EQ(rows[1].last_seen, noon - 50min);
  };
  check();
  go_on(5min);
  seal();
  box.restart();
  check();
  EXPECT_EQ(presence().back().last_seen, noon + 1min) << "online again";
}

TEST_F(ClockScript, what_was_heard_before_a_boot_is_not_of_its_clock) {
  go_on(10min);
  box.clock.reboot(UtcMs{});
  box.restart();
  box.clock.advance(1h);
  tick();
  commit();
  box.clock.set_utc(noon + 7 * 24h);
  box.clock.set_trusted(true);
  tick();
  commit();
  ASSERT_EQ(presence().size(), 2u);
  EXPECT_EQ(presence()[1].at, noon + 7 * 24h);
  EXPECT_EQ(presence()[1].last_seen, noon + 1min) << "as of the last change of presence";
}

TEST_F(ClockScript, events_and_presence_of_an_open_batch_follow) {
  box.clock.reboot(UtcMs{1h});
  box.restart();
  box.clock.advance(1min);
  reading();
  events("door");
  box.clock.advance(1min);
  box.clock.set_utc(noon);
  box.clock.set_trusted(true);
  tick();
  commit();
  EXPECT_EQ(told_at("door"), std::vector<UtcMs>{noon - 1min});
  ASSERT_EQ(presence().size(), 1u);
  EXPECT_EQ(presence()[0].at, noon - 1min);
  EXPECT_EQ(presence()[0].last_seen, noon - 1min);
}

TEST_F(ClockScript, what_is_excluded_stays_so_whatever_the_clock) {
  go_on(10min);
  box.clock.reboot(UtcMs{1h});
  box.restart();
  go_on(20min);
  seal();
  go_on(5min);  // these in the log
  const auto exclude = [&](std::size_t from, std::size_t to, bool out) {
    const auto at = times();
    const auto done = box.ingest->exclude({store::SeriesNo{1}, at[from], at[to], out}, "someone", "why");
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(done->readings, to - from);
    EXPECT_EQ(done->changed, to - from);
    EXPECT_EQ(box.ingest->exclude({store::SeriesNo{1}, at[from], at[to], out}, "someone", "")->changed, 0u);
  };
  // Of each, the number that was told: those which are out.
  const auto out = [&] {
    std::vector<int> found;
    for (const auto& row : box.exported()) {
      if ((row.flags & store::flag::excluded) != 0) found.push_back(static_cast<int>(row.value));
    }
    return found;
  };
  exclude(8, 12, true), exclude(31, 33, true);
  const std::vector<int> wanted{9, 10, 11, 12, 32, 33};
  EXPECT_EQ(out(), wanted);
  box.clock.set_utc(noon + 7 * 24h);
  box.clock.set_trusted(true);
  tick();
  commit();
  EXPECT_EQ(out(), wanted);
  go_on(5min);
  seal();
  box.restart();
  EXPECT_EQ(out(), wanted);
  EXPECT_EQ(box.exported().size(), 40u);
  // Of a stretch that was moved, sealed: back, and others out.
  exclude(31, 32, false), exclude(20, 22, true);
  const std::vector<int> then{9, 10, 11, 12, 21, 22, 33};
  EXPECT_EQ(out(), then);
  go_on(5min);
  seal();
  box.restart();
  EXPECT_EQ(out(), then);
  const auto history = store::Reader::open(box.db())->history(
      {store::SeriesNo{1}, UtcMs{}, utc_ms(4'000'000'000'000), 100'000});
  ASSERT_TRUE(history);
  EXPECT_EQ(history->buckets.size(), 45u - 7u);
  EXPECT_TRUE(std::ranges::any_of(history->gaps, [](const store::Gap& g) { return g.cause == "excluded"; }));
}

// What a file says is true time. What it corrects keeps its place, before and after sealing.
TEST_F(ClockScript, an_import_is_not_moved_by_this_boxs_clock) {
  box.clock.reboot(UtcMs{1h});
  box.restart();
  go_on(20min);
  seal();
  const auto at = box.exported();
  const auto import = [&](std::vector<store::NamedReading> readings) {
    bool done = false;
    ASSERT_TRUE(box.ingest->import({.readings = std::move(readings), .done = [&](const auto& how) {
                                      ASSERT_TRUE(how);
                                      done = true;
                                    }}));
    while (box.ingest->importing()) ASSERT_TRUE(box.ingest->import_some());
    EXPECT_TRUE(done);
  };
  const store::NamedReading old{noon - 24h, "roof", "level", "m", 77, 1};
  store::NamedReading corrected = at[3];
  corrected.value = 1004;
  import({old, corrected});
  box.clock.set_utc(noon);
  box.clock.set_trusted(true);
  tick();
  commit();
  for (int pass = 0; pass < 2; ++pass) {
    SCOPED_TRACE(pass);
    const auto rows = box.exported();
    ASSERT_EQ(rows.size(), static_cast<std::size_t>(told) + 1);
    EXPECT_EQ(rows[0].ts, noon - 24h);
    EXPECT_EQ(rows[0].value, 77);
    EXPECT_EQ(rows[1].ts, noon - 19min);
    EXPECT_EQ(rows[4].value, 1004);
    EXPECT_EQ(rows[4].ts, noon - 16min);
    go_on(8min);
    seal();
    box.restart();
  }
}

TEST_F(ClockScript, a_restart_of_the_core_alone_goes_on_with_its_clock) {
  box.clock.reboot(UtcMs{});
  box.restart();
  go_on(10min);
  const UtcMs before = box.ingest->now();
  box.clock.advance(5min);
  box.restart();
  EXPECT_EQ(box.ingest->now(), before + 5min);
  EXPECT_EQ(epochs().size(), 1u);
}

TEST_F(ClockScript, what_was_saved_beside_counts_when_it_is_later_than_the_floor) {
  go_on(10min);
  box.saved = noon + 6h;
  box.clock.reboot(UtcMs{});
  box.restart();
  EXPECT_EQ(box.ingest->now(), noon + 6h);
  EXPECT_EQ(box.ingest->clock_source(), ClockSource::floor);
}

TEST_F(ClockScript, a_change_within_an_open_batch_moves_what_waits) {
  box.clock.reboot(UtcMs{1h});
  box.restart();
  box.clock.advance(1min);
  reading();
  box.clock.advance(1min);
  box.clock.set_utc(noon);
  box.clock.set_trusted(true);
  tick();
  box.clock.advance(1min);
  reading();
  commit();
  EXPECT_EQ(times(), (std::vector<UtcMs>{noon - 1min, noon + 1min}));
}

}  // namespace
}  // namespace alona::ingest
