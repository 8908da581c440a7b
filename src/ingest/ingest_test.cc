#include "ingest/ingest.h"

#include <random>
#include <set>

#include "ingest/test_box.h"

namespace alona::ingest {
namespace {

using Box = TestBox;

TEST(Ingest, a_reading_is_kept_and_its_node_hears_of_it) {
  Box box;
  box.temperature(1, 21.5);
  box.temperature(2, 21.6);
  const Committed committed = box.commit();
  ASSERT_EQ(committed.acks.size(), 1u);
  EXPECT_EQ(committed.acks[0].node, "roof");
  EXPECT_EQ(committed.acks[0].boot, 7u);
  EXPECT_EQ(committed.acks[0].seq, 2u);
  ASSERT_EQ(box.exported().size(), 2u);
  EXPECT_EQ(box.exported()[1].value, 21.6);
}

TEST(Ingest, receipt_times_are_unique_and_rising) {
  Box box;
  for (std::uint16_t i = 0; i < 10; ++i) {
    box.send("alona/roof/telemetry/level", R"({"v":1,"sensor":"level","value":1,"unit":"m"})", i + 1);
  }
  (void)box.commit();
  const auto rows = box.exported();
  ASSERT_EQ(rows.size(), 10u);
  for (std::size_t i = 1; i < rows.size(); ++i) EXPECT_LT(rows[i - 1].ts, rows[i].ts);
}

// Nodes without a clock whose messages waited at the broker: received at once, with ages that say nothing.
TEST(Ingest, readings_whose_ages_meet_are_as_many) {
  Box box;
  std::mt19937 random{5};
  const std::vector<int> ages{0, 0, 0, 1, 2, 60'000};
  std::uint32_t seq = 0;
  for (int commit = 0; commit < 12; ++commit) {
    for (int i = 0; i < 150; ++i) {
      ++seq;
      box.send(
          "alona/roof/telemetry",
          fmt::format(
              R"({{"v":1,"boot":7,"seq":{},"low":1,"readings":[{{"sensor":"d","value":{},"unit":"m","age":{}}}]}})",
              seq, seq, ages[random() % ages.size()] / 1000.0),
          static_cast<std::uint16_t>(seq));
    }
    (void)box.commit();
    if (commit % 4 == 3) box.restart();
  }
  const auto rows = box.exported();
  std::set<double> values;
  for (const auto& row : rows) values.insert(row.value);
  EXPECT_EQ(values.size(), seq) << "each reading once";
  EXPECT_EQ(rows.size(), seq);
  EXPECT_EQ(box.counted().stored, seq);
  EXPECT_EQ(box.counted().corrected, 0);
  EXPECT_EQ(box.counted().repeated, 0);
  EXPECT_LE(rows.back().ts, noon + Ms{4 * seq}) << "near where they were";
}

TEST(Ingest, ages_of_one_message_keep_their_order) {
  Box box;
  box.send(
      "alona/roof/telemetry",
      R"({"v":1,"readings":[{"sensor":"d","value":3,"unit":"m","age":0},{"sensor":"d","value":2,"unit":"m","age":60},
          {"sensor":"d","value":1,"unit":"m","age":120},{"sensor":"d","value":4,"unit":"m","age":0}]})");
  (void)box.commit();
  std::vector<std::pair<std::int64_t, double>> got;
  for (const auto& row : box.exported()) got.emplace_back(count(row.ts) - count(noon), row.value);
  const std::vector<std::pair<std::int64_t, double>> expected{{-120'000, 1}, {-60'000, 2}, {0, 3}, {1, 4}};
  EXPECT_EQ(got, expected);
}

TEST(Ingest, times_are_judged) {
  Box box;
  const auto send = [&](std::string_view sensor, std::string_view time) {
    box.send(fmt::format("alona/roof/telemetry/{}", sensor),
             fmt::format(R"({{"v":1,"sensor":"{}","value":1,"unit":"m"{}}})", sensor, time));
  };
  send("a", R"(,"ts":1795521000)");  // ten minutes ago: the node's
  send("b", R"(,"ts":1795525200)");  // an hour ahead: the receipt
  send("c", R"(,"ts":86400)");       // 1970: the receipt
  box.send("alona/roof/telemetry", R"({"v":1,"readings":[{"sensor":"d","value":1,"unit":"m","age":60}]})", 9);
  (void)box.commit();
  std::map<std::string, store::NamedReading> by_sensor;
  for (const auto& row : box.exported()) by_sensor[row.sensor] = row;
  EXPECT_EQ(by_sensor["a"].ts, noon - Ms{600'000});
  EXPECT_EQ(by_sensor["a"].flags, static_cast<int>(TimeQuality::node));
  EXPECT_EQ(by_sensor["b"].ts, noon);
  EXPECT_EQ(by_sensor["b"].flags, static_cast<int>(TimeQuality::receipt) | store::flag::node_clock_wrong);
  EXPECT_EQ(by_sensor["c"].ts, noon);
  EXPECT_EQ(by_sensor["d"].ts, noon - Ms{60'000});
}

TEST(Ingest, a_clock_that_fell_back_never_goes_behind_the_last_commit) {
  Box box;
  box.temperature(1, 1);
  (void)box.commit();
  box.clock.reboot(UtcMs{});
  box.restart();
  EXPECT_GE(box.ingest->now(), noon);
  box.send("alona/roof/telemetry/level", R"({"v":1,"sensor":"level","value":1,"unit":"m"})");
  (void)box.commit();
  for (const auto& row : box.exported()) {
    if (row.sensor != "level") continue;
    EXPECT_EQ(row.flags & store::flag::quality_mask, static_cast<int>(TimeQuality::provisional));
  }
}

TEST(Ingest, the_backlog_is_marked_as_received_late) {
  Box box;
  box.ingest->connected(true);
  const char* message = R"({"v":1,"sensor":"level","value":1,"unit":"m"})";
  box.send("alona/roof/telemetry/level", message, 1);
  box.ingest->backlog_drained();
  box.send("alona/roof/telemetry/level", message, 2);
  (void)box.commit();
  const auto rows = box.exported();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].flags, static_cast<int>(TimeQuality::provisional) | store::flag::received_late);
  EXPECT_EQ(rows[1].flags, static_cast<int>(TimeQuality::receipt));
}

TEST(Ingest, each_refusal_is_kept_with_its_reason_and_the_counts_add_up) {
  Box box;
  box.temperature(1, 20);                                                      // 1 stored
  box.temperature(1, 20);                                                      // 1 repeated
  box.send("alona/roof/telemetry/temperature", "{", 21);                       // json
  box.send("alona/roof/telemetry/temperature", "\xFF\xFE", 22);                // encoding
  box.send("alona/roof/telemetry/temperature", std::string(17'000, ' '), 23);  // too_large
  box.send("alona/roof/telemetry/temperature", R"({"v":2,"sensor":"temperature","value":1,"unit":"C"})", 24);
  box.send("alona/roof/telemetry/temperature", R"({"v":1,"sensor":"humidity","value":1,"unit":"%"})", 25);
  box.send("alona/roof/telemetry/temperature", R"({"v":1,"sensor":"temperature","value":1e16,"unit":"C"})",
           26);
  box.send("alona/roof/telemetry/unknown", "4", 27);  // field: no unit known
  box.send("alona/roof/telemetry/temperature", R"({"v":1,"sensor":"temperature","value":2,"unit":"C"})", 28,
           true);
  box.temperature(5000, 20);        // window
  box.send("alona/roof/telemetry",  // 2 stored, 1 refused
           R"({"v":1,"readings":[{"sensor":"a","value":1,"unit":"m"},{"sensor":"b","value":"x","unit":"m"},)"
           R"({"sensor":"c","value":3,"unit":"m"}]})",
           29);
  box.send("alona/stranger/telemetry/temperature", "1", 30);
  box.send("alona/roof/telemetry/Temp", "1", 31);
  (void)box.commit();
  std::map<std::string, int> reasons;
  for (const auto& item : box.rejects()) reasons[item.row.reason] += static_cast<int>(item.count);
  EXPECT_EQ(reasons, (std::map<std::string, int>{{"json", 1},
                                                 {"encoding", 1},
                                                 {"too_large", 1},
                                                 {"version", 1},
                                                 {"mismatch", 1},
                                                 {"range", 1},
                                                 {"field", 2},
                                                 {"retained", 1},
                                                 {"window", 1},
                                                 {"unknown_node", 1},
                                                 {"topic", 1}}));
  const store::CountRow c = box.counted();
  EXPECT_EQ(c.stored, 3u);
  EXPECT_EQ(c.repeated, 1u);
  EXPECT_EQ(c.rejected, 11u);  // of the node: stranger's has none
}

TEST(Ingest, presence_follows_status_silence_and_speech) {
  Box box;
  box.send("alona/roof/status", R"({"v":1,"state":"online"})");
  (void)box.commit();
  const auto state = [&] { return box.ingest->everything()->presence.at(0).state; };
  EXPECT_EQ(state(), store::Presence::online);
  for (std::uint32_t i = 1; i <= 10; ++i) {
    box.clock.advance(Ms{60'000});
    box.temperature(i, 20);
  }
  box.clock.advance(Ms{170'000});
  box.ingest->tick();
  EXPECT_EQ(state(), store::Presence::online);
  box.clock.advance(Ms{20'000});
  box.ingest->tick();
  EXPECT_EQ(state(), store::Presence::stale);
  box.temperature(11, 20);
  EXPECT_EQ(state(), store::Presence::online);
  box.send("alona/roof/status", R"({"v":1,"state":"offline"})");
  EXPECT_EQ(state(), store::Presence::offline);
  (void)box.commit();
  box.restart();
  EXPECT_EQ(state(), store::Presence::offline);
}

TEST(CommitDue, interval_urgency_full_batch_and_quiet_line) {
  using namespace std::chrono_literals;
  CommitDue due{1s};
  Mono now{1'000'000ms};
  EXPECT_FALSE(due.due(now));
  due.message(now, false);
  EXPECT_FALSE(due.due(now + 999ms));
  EXPECT_TRUE(due.due(now + 1s));
  due.message(now, true);
  EXPECT_TRUE(due.due(now));
  due.committed();
  for (std::size_t i = 0; i < limits::commit_full_window; ++i) due.message(now, false);
  EXPECT_FALSE(due.due(now + 9ms));
  EXPECT_TRUE(due.due(now + 10ms));
  due.committed();
  for (std::size_t i = 0; i < limits::commit_messages_max; ++i) due.message(now, false);
  EXPECT_TRUE(due.due(now));
  due.committed();
  int urgent = 0;
  for (int i = 0; i < 30; ++i) {
    due.message(now, true);
    urgent += due.due(now) ? 1 : 0;
    due.committed();
  }
  EXPECT_LE(urgent, limits::urgent_bucket);
}

}  // namespace
}  // namespace alona::ingest
