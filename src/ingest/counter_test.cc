// A counter goes on when its meter is replaced: every reading of the new one comes with the base, whatever
// came before stays what it was, and nothing is counted twice across the change.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ingest/test_box.h"
#include "store/decimal.h"

namespace alona::ingest {
namespace {
using namespace std::chrono_literals;

class Counter : public testing::Test {
 protected:
  // By the node's own clock, `after` noon.
  void energy(double value, std::chrono::seconds after, std::uint16_t packet_id = 1) {
    box.send("alona/meter/telemetry/energy",
             fmt::format(R"({{"v":1,"sensor":"energy","value":{},"unit":"kWh","ts":{}}})", value,
                         1'795'521'600 + after.count()),
             packet_id);
  }
  // Without a time: its receipt counts.
  void untimed(double value, std::uint16_t packet_id = 1) {
    box.send("alona/meter/telemetry/energy",
             fmt::format(R"({{"v":1,"sensor":"energy","value":{},"unit":"kWh"}})", value), packet_id);
  }
  Result<std::vector<CounterState>> change(CounterWish wish) {
    if (wish.sensor.empty()) wish.sensor = "energy";
    return box.ingest->change_counters("meter", {wish}, "someone");
  }
  [[nodiscard]] std::vector<double> values() const {
    std::vector<double> all;
    for (const auto& row : box.exported()) all.push_back(row.value);
    return all;
  }
  [[nodiscard]] std::vector<store::EventRow> events() const {
    return *store::Reader::open(box.db())->events({}, UtcMs{}, noon + 24h, 100);
  }
  TestBox box;
};

TEST_F(Counter, goes_on_without_a_step_over_a_restart) {
  energy(1234.4, 0s), (void)box.commit();
  box.clock.advance(10s);
  const auto done = change({});
  ASSERT_TRUE(done) << done.error().text();
  ASSERT_EQ(done->size(), 1u);
  EXPECT_EQ((*done)[0].base, 1234.4);
  EXPECT_TRUE((*done)[0].changed);
  const Committed committed = box.commit();
  EXPECT_EQ(committed.changes->bases.size(), 1u);
  energy(0, 11s, 2), energy(0.1, 12s, 3), (void)box.commit();
  box.restart();
  energy(0.2, 13s, 4), (void)box.commit();
  EXPECT_EQ(values(), (std::vector<double>{1234.4, 1234.4, 1234.5, 1234.6})) << "decimals, to the last bit";
}

TEST_F(Counter, begins_anywhere) {
  energy(1000, 0s), (void)box.commit();
  box.clock.advance(10s);
  ASSERT_TRUE(change({.goes_on_from = 1002.5, .begins_at = 0.7}));
  energy(0.7, 11s, 2), energy(1.7, 12s, 3), (void)box.commit();
  EXPECT_EQ(values(), (std::vector<double>{1000, 1002.5, 1003.5}));
  box.clock.advance(10s);  // a new one that shows more than the old one: the base is negative
  ASSERT_TRUE(change({.begins_at = 5000}));
  energy(5000.5, 21s, 4), (void)box.commit();
  EXPECT_EQ(values().back(), 1004);
}

TEST_F(Counter, what_the_old_meter_said_stays_though_it_comes_later) {
  energy(100, 0s), (void)box.commit();
  box.clock.advance(10s);
  ASSERT_TRUE(change({}));
  energy(101, 5s, 2);  // sent before, received behind
  energy(100, 0s, 3);  // and a repeat of what is stored
  energy(1, 11s, 4), (void)box.commit();
  energy(1, 11s, 5), (void)box.commit();
  EXPECT_EQ(values(), (std::vector<double>{100, 101, 101}));
  EXPECT_EQ(box.counted().repeated, 2u);
  EXPECT_EQ(box.counted().corrected, 0u);
  box.restart();
  energy(101, 5s, 6), energy(1, 11s, 7), (void)box.commit();
  EXPECT_EQ(values().size(), 3u);
  EXPECT_EQ(box.counted().repeated, 4u);
}

TEST_F(Counter, a_reading_without_a_time_counts_from_its_receipt) {
  untimed(70), (void)box.commit();
  box.clock.advance(10s);
  ASSERT_TRUE(change({}));
  untimed(0, 2), (void)box.commit();
  EXPECT_EQ(values(), (std::vector<double>{70, 70}));
}

TEST_F(Counter, said_twice_is_done_once_and_told_in_the_diary) {
  energy(1234.5, 0s), (void)box.commit();
  const CounterWish wish{.goes_on_from = 1234.5, .begins_at = 0};
  ASSERT_TRUE(change(wish));
  (void)box.commit();
  energy(0.5, 20s, 2), (void)box.commit();
  const auto again = change(wish);
  ASSERT_TRUE(again);
  EXPECT_FALSE((*again)[0].changed);
  (void)box.commit();
  ASSERT_EQ(events().size(), 1u);
  EXPECT_EQ(events()[0].type, "counter");
  EXPECT_EQ(events()[0].data,
            R"({"sensor":"energy","unit":"kWh","base":1234.5,"base_before":0,"taken_back":false})");
}

TEST_F(Counter, is_taken_back_step_by_step) {
  energy(10, 0s), (void)box.commit();
  EXPECT_EQ(change({.undo = true}).error().code, Errc::refused) << "nothing was done";
  for (const double from : {50.0, 90.0}) {
    box.clock.advance(10s);
    ASSERT_TRUE(change({.goes_on_from = from}));
    (void)box.commit();
  }
  box.restart();
  for (const double base : {50.0, 0.0}) {
    box.clock.advance(10s);
    const auto undone = change({.undo = true});
    ASSERT_TRUE(undone) << undone.error().text();
    EXPECT_EQ((*undone)[0].base, base);
    (void)box.commit();
    box.restart();
  }
  EXPECT_EQ(change({.undo = true}).error().code, Errc::refused);
  energy(11, 60s, 2), (void)box.commit();
  EXPECT_EQ(values().back(), 11);
  energy(1, 15s, 3), (void)box.commit();  // of the first new meter, late
  EXPECT_EQ(values(), (std::vector<double>{10, 51, 11}));
  EXPECT_EQ(events().size(), 4u);
}

TEST_F(Counter, refuses_what_it_cannot_do_and_changes_nothing) {
  energy(10, 0s), (void)box.commit();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  for (const double bad : {nan, inf, -inf, 2e15}) {
    EXPECT_EQ(change({.goes_on_from = bad}).error().code, Errc::usage) << bad;
    EXPECT_EQ(change({.begins_at = bad}).error().code, Errc::usage) << bad;
  }
  EXPECT_EQ(change({.goes_on_from = 1e15, .begins_at = -1e15}).error().code, Errc::usage);
  EXPECT_EQ(change({.sensor = "no-such"}).error().code, Errc::not_found);
  EXPECT_EQ(change({.sensor = "energy", .unit = "Wh"}).error().code, Errc::not_found);
  EXPECT_EQ(box.ingest->change_counters("nobody", {}, "x").error().code, Errc::not_found);
  // One of two is wrong: neither is done.
  EXPECT_FALSE(box.ingest->change_counters("meter", {{.sensor = "energy"}, {.sensor = "no-such"}}, "x"));
  EXPECT_FALSE(box.ingest->change_counters("meter", {{.sensor = "energy"}, {.sensor = "energy"}}, "x"));
  EXPECT_FALSE(box.ingest->dirty());
  box.ingest->connected(true);  // and the backlog still comes
  EXPECT_EQ(change({}).error().code, Errc::temporary);
}

TEST_F(Counter, of_two_units_one_must_be_named) {
  energy(10, 0s);
  box.send("alona/meter/telemetry/energy",
           R"({"v":1,"sensor":"energy","value":10000,"unit":"Wh","ts":1795521600})", 2);
  (void)box.commit();
  EXPECT_EQ(change({}).error().code, Errc::usage);
  EXPECT_TRUE(change({.sensor = "energy", .unit = "Wh"}));
}

TEST_F(Counter, a_sum_too_large_is_refused_with_its_reason) {
  energy(9e14, 0s), (void)box.commit();
  box.clock.advance(10s);
  ASSERT_TRUE(change({}));
  energy(2e14, 11s, 2), energy(5, 12s, 3), (void)box.commit();
  EXPECT_EQ(values(), (std::vector<double>{9e14, 9e14 + 5}));
  ASSERT_EQ(box.rejects().size(), 1u);
  EXPECT_EQ(box.rejects()[0].row.reason, "range");
}

// The change was made by a clock that was wrong; true time moves it with the readings of its stretch.
TEST_F(Counter, moves_with_the_clock_that_timed_it) {
  box.clock.reboot(noon);
  box.restart();
  untimed(500), (void)box.commit();
  box.clock.advance(10s);
  ASSERT_TRUE(change({}));
  (void)box.commit();
  box.clock.advance(10s);
  untimed(1, 2), (void)box.commit();
  ASSERT_TRUE(box.ingest->set_time(noon + 24h, "visitor"));
  ASSERT_TRUE(box.commit().moved);
  ASSERT_TRUE(box.ingest->fold());
  ASSERT_TRUE(box.ingest->load());
  energy(502, std::chrono::seconds{24h} - 15s, 3);  // before the change, by true time
  energy(2, std::chrono::seconds{24h} + 5s, 4), (void)box.commit();
  EXPECT_EQ(values(), (std::vector<double>{500, 502, 501, 502}));
}

TEST(Decimal, sums_are_as_people_write_them) {
  EXPECT_EQ(store::decimal_sum(1234.4, 0.2), 1234.6);
  EXPECT_NE(1234.4 + 0.2, 1234.6) << "which is why";
  EXPECT_EQ(store::decimal_sum(0.1, 0.2), 0.3);
  EXPECT_EQ(store::decimal_sum(0.3, -0.1), 0.2);
  EXPECT_EQ(store::decimal_sum(12.345, 1000000), 1000012.345);
  EXPECT_EQ(store::decimal_sum(1.0 / 3, 1), 1.0 / 3 + 1) << "no decimals: as doubles";
  EXPECT_EQ(store::decimal_sum(1e15, 0.123456789), 1e15 + 0.123456789) << "more than fits";
  EXPECT_EQ(store::decimal_sum(-9e15, 9e15), 0);
  for (int i = 0; i < 10'000; ++i) {
    const double meter = i / 100.0;
    const double sum = store::decimal_sum(meter, 87654.321);
    EXPECT_EQ(sum, (i * 10 + 87'654'321) / 1000.0);
    EXPECT_EQ(store::decimal_sum(sum, -87654.321), meter) << "what the meter showed, reckoned back";
  }
}

}  // namespace
}  // namespace alona::ingest
