#include "web/model.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "web/findings.h"
#include "web/json.h"
#include "web/live.h"
#include "web/login.h"

namespace alona::web {
namespace {
using namespace std::chrono_literals;
using store::NodeNo;
using store::Presence;
using store::SeriesNo;

constexpr UtcMs noon = utc_ms(1'795'521'600'000);  // 2026-11-24T12:00Z

store::Batch house() {
  store::Batch all;
  all.received = noon;
  all.nodes = {{NodeNo{1}, "roof", "Roof", "Outside", noon - std::chrono::days(9)},
               {NodeNo{2}, "well", "", "", noon - 48h}};
  all.series = {{SeriesNo{7}, NodeNo{1}, "temperature", "°C", "", 1}};
  all.readings = {{SeriesNo{7}, noon - 1min, 4.5, 0}};
  all.presence = {{NodeNo{1}, noon - 2h, Presence::online, noon - 1min}};
  all.counts = {{.node = NodeNo{1}, .day = utc_day(noon), .stored = 10, .rejected = 2}};
  return all;
}

std::vector<std::string> ids(const Model& model, UtcMs now, bool trusted = true) {
  std::vector<std::string> out;
  for (const auto& finding : findings(model, now, trusted)) out.push_back(finding.id);
  return out;
}

TEST(Model, follows_the_batches) {
  Model model;
  model.start(house(), 1000, {{NodeNo{1}, 30s}});
  EXPECT_EQ(model.readings_stored(), 1000U);
  EXPECT_EQ(model.node("roof")->interval, Ms{30s});
  store::Batch batch;
  batch.received = noon + 5s;
  batch.readings = {
      {SeriesNo{7}, noon + 4s, 5.5, 0}, {SeriesNo{7}, noon - 1h, 9, 0}, {SeriesNo{99}, noon, 1, 0}};
  batch.counts = {{.node = NodeNo{1}, .day = utc_day(noon), .stored = 2, .rejected = 1}};
  const auto changes = model.apply(batch);
  EXPECT_FALSE(changes.catalog);
  EXPECT_EQ(model.series(SeriesNo{7})->last->value, 5.5) << "a late reading isn't the last one";
  EXPECT_EQ(model.node("roof")->last_seen, noon + 5s);
  EXPECT_EQ(model.readings_stored(), 1002U);
  EXPECT_EQ(model.rejected_on(utc_day(noon)), 3U);
  EXPECT_EQ(model.rejected_on(utc_day(noon) + 1), 0U) << "yesterday's are not today's";
}

TEST(Model, what_happened_is_kept_newest_first_and_bounded) {
  Model model;
  model.start(house(), 0, {});
  store::Batch batch;
  for (int i = 0; i < 50; ++i)
    batch.events.push_back({NodeNo{1}, noon + Ms{i}, 0, fmt::format("e{}", i), "{}"});
  EXPECT_EQ(model.apply(batch).happened.size(), limits::recent_max);
  EXPECT_EQ(model.recent().size(), limits::recent_max);
  EXPECT_EQ(model.recent().front().text, "Roof: e49");
}

TEST(Model, a_removed_node_is_no_longer_shown) {
  Model model;
  model.start(house(), 0, {});
  store::Batch batch;
  batch.nodes = {house().nodes[0]};
  batch.nodes[0].removed = true;
  EXPECT_TRUE(model.apply(batch).catalog);
  EXPECT_EQ(model.node("roof"), nullptr);
  EXPECT_EQ(model.nodes().size(), 1U);
}

TEST(Findings, all_is_well_says_nothing) {
  Model model;
  auto all = house();
  all.nodes.pop_back();
  all.counts.clear();
  model.start(all, 0, {});
  model.set_broker(true, noon);
  EXPECT_TRUE(ids(model, noon).empty());
}

TEST(Findings, a_node_whose_clock_is_wrong_is_named) {
  Model model;
  auto all = house();
  all.nodes.pop_back();
  all.counts.clear();
  model.start(all, 0, {});
  model.set_broker(true, noon);
  store::Batch batch;
  batch.readings = {{house().series[0].no, noon, 21, store::flag::node_clock_wrong | 1}};
  model.apply(batch);
  EXPECT_EQ(ids(model, noon), std::vector<std::string>{"node_clock:roof"});
  batch.readings[0].ts += 1min, batch.readings[0].flags = 0;
  model.apply(batch);
  EXPECT_TRUE(ids(model, noon).empty());
}

TEST(Findings, name_what_needs_a_person_the_most_urgent_first) {
  Model model;
  model.start(house(), 0, {});
  model.set_broker(false, noon - 5min);
  store::Batch batch;
  batch.presence = {{NodeNo{1}, noon, Presence::stale, noon - 3h}};
  model.apply(batch);
  EXPECT_EQ(ids(model, noon, false),
            (std::vector<std::string>{"broker", "clock", "silent:roof", "unseen:well", "rejects"}));
  EXPECT_EQ(findings(model, noon, true)[1].what, "Roof is silent for 3 h");
  EXPECT_EQ(findings(model, noon, true)[0].level, Level::being_lost);
  EXPECT_EQ(ids(model, noon - 5min)[0], "silent:roof") << "a broker that restarts is no news";
}

TEST(Findings, a_writer_that_cannot_store_is_told_and_not_its_absence_at_the_broker) {
  Model model;
  model.start(house(), 0, {});
  model.set_broker(true, noon);
  model.set_storing(Error{Errc::disk_full, "database or disk is full", "Free some space."}, noon);
  model.set_broker(false, noon);
  const auto all = findings(model, noon + 2h, true);
  EXPECT_EQ(all[0].what, "Readings haven't been stored for 2 h: the disk is full");
  EXPECT_EQ(all[0].todo, "Free some space.");
  EXPECT_EQ(ids(model, noon + 2h, true)[0], "storing");
  EXPECT_FALSE(std::ranges::count(ids(model, noon + 2h, true), "broker"));
  model.set_storing({}, noon + 2h);
  EXPECT_EQ(ids(model, noon + 2h, true)[0], "broker");
}

TEST(Findings, each_step_of_a_filling_disk_has_words_of_its_own_and_clears) {
  Model model;
  auto all = house();
  all.nodes.pop_back();
  all.counts.clear();
  model.start(all, 0, {});
  model.set_broker(true, noon);
  using room::Step;
  std::vector<std::string> said;
  for (const Step step : {Step::low, Step::dropping, Step::thinning, Step::stopped, Step::ballast_given}) {
    room::Picture disk;
    disk.step = step, disk.since = noon, disk.folder = "/var/lib/alona";
    disk.space = {std::uint64_t{29} << 30, std::uint64_t{240} << 20, std::uint64_t{32} << 20};
    disk.forecast.why = "not known yet: it takes 7 days";
    EXPECT_TRUE(model.set_disk(std::make_shared<room::Picture>(disk)));
    model.set_broker(room::takes_messages(step), noon);
    const auto found = findings(model, noon + 2h, true);
    ASSERT_EQ(found.size(), 1U) << "the broker's absence is no news of its own";
    EXPECT_EQ(found[0].id, "room");
    EXPECT_EQ(found[0].level, room::takes_messages(step) ? Level::needs_you : Level::being_lost);
    EXPECT_EQ(found[0].since, noon);
    EXPECT_NE(found[0].todo.find("by itself once"), std::string::npos);
    EXPECT_FALSE(std::ranges::count(said, found[0].why));
    said.push_back(found[0].why);
    if (step == Step::low) {
      EXPECT_EQ(found[0].what, "The disk is filling up: 240 MiB of 29 GiB are free");
      EXPECT_NE(found[0].why.find("How long it lasts is not known yet: it takes 7 days."), std::string::npos);
    }
    if (step == Step::stopped) {
      EXPECT_EQ(found[0].what, "Readings haven't been stored for 2 h: only 240 MiB are free on the disk");
      EXPECT_NE(found[0].todo.find("once 281 MiB are free"), std::string::npos) << found[0].todo;
    }
  }
  EXPECT_TRUE(model.set_disk(std::make_shared<room::Picture>()));
  model.set_broker(true, noon);
  EXPECT_TRUE(ids(model, noon).empty());
}

TEST(Findings, an_empty_box_says_what_to_do) {
  Model model;
  model.start({}, 0, {});
  model.set_broker(true, noon);
  const auto all = findings(model, noon, true);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id, "no_nodes");
  EXPECT_NE(all[0].todo.find("alona node add"), std::string::npos);
}

TEST(Live, resumes_what_the_ring_holds_and_resets_otherwise) {
  Live live{100};
  const Mono now{1'000'000ms};
  const auto text = [](const http::Response& response) {
    std::string all;
    for (const auto& frame : response.events->take()) all += *frame;
    return all;
  };
  const auto first = live.open({}, now);
  for (int i = 0; i < 3; ++i) live.send("tick", "{}");
  EXPECT_EQ(text(live.open(101, now)), "retry: 3000\n\nid: 102\nevent: tick\ndata: {}\n\n");
  EXPECT_EQ(text(live.open(102, now)), "retry: 3000\n\n");
  EXPECT_NE(text(live.open(50, now)).find("event: reset"), std::string::npos) << "gone from the ring";
  EXPECT_NE(text(live.open(103, now)).find("event: reset"), std::string::npos) << "never sent: another run's";
  live.skipped();
  EXPECT_NE(text(live.open(102, now)).find("event: reset"), std::string::npos) << "missed what was not made";
}

TEST(Live, is_bounded_in_streams_and_in_memory) {
  Live live{1};
  const Mono now{1'000'000ms};
  std::vector<http::Response> open;
  open.reserve(limits::live_streams_max);
  for (std::size_t i = 0; i < limits::live_streams_max; ++i) open.push_back(live.open({}, now));
  EXPECT_EQ(open.back().status, 200);
  EXPECT_EQ(live.open({}, now).status, 503);
  const std::string big(30'000, 'x');
  for (int i = 0; i < 100; ++i) live.send("readings", big);
  EXPECT_TRUE(std::ranges::all_of(open, [](const auto& one) { return one.events->closed(); }))
      << "nobody reads";
  EXPECT_EQ(live.open({}, now).status, 200);
}

TEST(Live, frames_are_only_wanted_while_somebody_may_read_them) {
  Live live{1};
  const Mono now{1'000'000ms};
  EXPECT_FALSE(live.wanted(now));
  const auto open = live.open({}, now);
  EXPECT_TRUE(live.wanted(now + 1h));
  open.events->close();
  live.send("tick", "{}");
  EXPECT_TRUE(live.wanted(now + 1h + 30s));
  EXPECT_FALSE(live.wanted(now + 2h));
}

TEST(LoginThrottle, slows_down_and_never_locks_out) {
  LoginThrottle throttle;
  Mono now{1'000'000ms};
  for (int i = 0; i < limits::login_failures_free; ++i) EXPECT_EQ(throttle.take("a", now), 0);
  const int wait = throttle.take("a", now);
  EXPECT_EQ(wait, 12);
  EXPECT_EQ(throttle.take("b", now), 0) << "another address is not concerned";
  now += std::chrono::seconds(wait);
  EXPECT_EQ(throttle.take("a", now), 0);
  EXPECT_GT(throttle.take("a", now), 0);
  throttle.give_back("a");
  EXPECT_EQ(throttle.take("a", now), 0) << "a right password costs nothing";
  for (std::size_t i = 0; i < 10 * limits::login_addresses_max; ++i)
    (void)throttle.take(std::to_string(i), now);
}

TEST(Json, strangers_bytes_become_text) {
  EXPECT_EQ(shown("a\xff\xc3"), "a\\xff\\xc3");
  EXPECT_EQ(shown("21 °C"), "21 °C");
  EXPECT_EQ(event_data("not json"), json::value("not json"));
  EXPECT_EQ(event_data(R"({"a":1})"), (json::value{{"a", 1}}));
  EXPECT_EQ(number_text(21.5), "21.5");
  EXPECT_EQ(number_text(std::numeric_limits<double>::quiet_NaN()), "null");
}

TEST(Json, a_flood_of_readings_is_told_as_the_latest_of_each_series) {
  std::vector<store::ReadingRow> rows(100'000, {SeriesNo{1}, noon, 1, 0});
  rows.back().value = 2;
  EXPECT_EQ(readings_text(noon, rows), "{\"now\":1795521600000,\"readings\":[[1,1795521600000,2,0,0]]}");
}

}  // namespace
}  // namespace alona::web
