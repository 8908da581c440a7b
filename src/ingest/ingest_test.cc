#include "ingest/ingest.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "ingest/window.h"
#include "store/reader.h"

namespace alona::ingest {
namespace {

constexpr UtcMs noon = utc_ms(1'795'521'600'000);

// A core without a broker: messages go in by hand, commits happen when told.
class Box {
 public:
  Box() {
    folder = mkdtemp(name);
    open();
  }
  ~Box() {
    ingest.reset();
    writer.reset();
    std::filesystem::remove_all(folder);
  }
  // As after a kill: nothing is said goodbye to.
  void restart() {
    ingest.reset();
    writer.reset();
    open();
  }
  void open() {
    auto opened = store::Writer::open(db(), store::Open::create);
    ASSERT_TRUE(opened) << opened.error().text();
    writer = std::make_unique<store::Writer>(std::move(*opened));
    ingest = std::make_unique<Ingest>(
        *writer, clock, IngestOptions{.admitted = [](std::string_view id) { return id != "stranger"; }});
    ASSERT_TRUE(ingest->load());
  }
  void send(std::string_view topic, std::string_view payload, std::uint16_t packet_id = 1,
            bool retained = false) {
    ingest->take({.topic = topic,
                  .payload = payload,
                  .packet_id = packet_id,
                  .qos = packet_id == 0 ? std::uint8_t{0} : std::uint8_t{1},
                  .retained = retained});
  }
  void temperature(std::uint32_t seq, double value, std::uint32_t boot = 7, std::uint32_t low = 1,
                   std::uint16_t packet_id = 1) {
    send("alona/roof/telemetry/temperature",
         fmt::format(
             R"({{"v":1,"sensor":"temperature","value":{},"unit":"°C","ts":{},"boot":{},"seq":{},"low":{}}})",
             value, 1'795'521'600 + seq, boot, seq, low),
         packet_id);
  }
  Committed commit() {
    auto committed = ingest->commit();
    EXPECT_TRUE(committed) << committed.error().text();
    return committed ? *committed : Committed{};
  }
  [[nodiscard]] std::vector<store::NamedReading> exported() const {
    std::vector<store::NamedReading> rows;
    auto reader = store::Reader::open(db());
    EXPECT_TRUE(reader->export_readings({}, [&](const store::NamedReading& r) {
      rows.push_back(r);
      return true;
    }));
    return rows;
  }
  [[nodiscard]] store::CountRow counted() const {
    auto reader = store::Reader::open(db());
    auto days = reader->counts(static_cast<store::NodeNo>(1), 0, 1'000'000);
    return days && !days->empty() ? days->back().total : store::CountRow{};
  }
  [[nodiscard]] std::vector<store::RejectItem> rejects() const {
    return *store::Reader::open(db())->rejects(100);
  }
  [[nodiscard]] std::filesystem::path db() const { return folder / "alona.sqlite3"; }

  std::filesystem::path folder;
  ManualClock clock{noon};
  std::unique_ptr<store::Writer> writer;
  std::unique_ptr<Ingest> ingest;

 private:
  char name[32] = "/tmp/alona-ingest-XXXXXX";
};

TEST(Window, a_hole_blocks_the_acknowledgement_and_not_the_messages) {
  store::WindowRow window;
  EXPECT_EQ(judge(window, {7, 1, 1}).verdict, Verdict::fresh);
  EXPECT_EQ(judge(window, {7, 3, 1}).verdict, Verdict::fresh);
  EXPECT_EQ(window.acked, 1u);
  EXPECT_EQ(judge(window, {7, 3, 1}).verdict, Verdict::repeat);
  EXPECT_EQ(judge(window, {7, 2, 1}).verdict, Verdict::fresh);
  EXPECT_EQ(window.acked, 3u);
  EXPECT_EQ(judge(window, {7, 1, 1}).verdict, Verdict::repeat);
}

TEST(Window, what_the_node_gave_up_is_lost_and_counted_once) {
  store::WindowRow window;
  (void)judge(window, {7, 1, 1});
  (void)judge(window, {7, 4, 1});
  const Judged judged = judge(window, {7, 6, 6});
  EXPECT_EQ(judged.verdict, Verdict::fresh);
  EXPECT_EQ(judged.lost, 3u);  // 2, 3 and 5
  EXPECT_EQ(window.acked, 6u);
  EXPECT_EQ(judge(window, {7, 7, 6}).lost, 0u);
}

TEST(Window, beyond_it_nothing_is_taken) {
  store::WindowRow window;
  EXPECT_EQ(judge(window, {7, limits::window_length + 1, 1}).verdict, Verdict::beyond);
  EXPECT_EQ(judge(window, {7, limits::window_length, 1}).verdict, Verdict::fresh);
  EXPECT_EQ(window.acked, 0u);
}

// Any order, any number of repeats, any losses given up: each seq is fresh once at most, and once exactly
// unless given up.
TEST(Window, each_message_is_fresh_exactly_once_in_any_order) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random{seed};
    store::WindowRow window;
    std::vector<int> fresh(3001);
    std::uint32_t low = 1;
    for (int step = 0; step < 20'000 && low < 2000; ++step) {
      const auto seq = low + static_cast<std::uint32_t>(random() % 512);
      if (judge(window, {7, seq, low}).verdict == Verdict::fresh) ++fresh[seq];
      EXPECT_LE(fresh[seq], 1) << "seed " << seed;
      if (random() % 8 == 0) low = std::min(low + 1, window.acked + 1);
    }
    for (std::uint32_t seq = 1; seq <= window.acked; ++seq) EXPECT_EQ(fresh[seq], 1) << "seed " << seed;
  }
}

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

TEST(Ingest, what_comes_again_after_a_kill_is_a_repeat_and_acknowledged_again) {
  Box box;
  box.temperature(1, 21.5);
  (void)box.commit();
  box.restart();
  box.temperature(1, 21.5);
  box.temperature(2, 22);
  const Committed committed = box.commit();
  ASSERT_EQ(committed.acks.size(), 1u);
  EXPECT_EQ(committed.acks[0].seq, 2u);
  EXPECT_EQ(box.exported().size(), 2u);
  EXPECT_EQ(box.counted().stored, 2u);
  EXPECT_EQ(box.counted().repeated, 1u);
}

TEST(Ingest, two_boots_in_one_commit_are_both_remembered) {
  Box box;
  box.temperature(1, 21.5, 7);
  box.temperature(2, 21.6, 8);
  box.temperature(3, 21.7, 7, 3);
  (void)box.commit();
  box.restart();
  box.temperature(1, 21.5, 7);
  box.temperature(2, 21.6, 8);
  (void)box.commit();
  EXPECT_EQ(box.counted().repeated, 2u);
}

TEST(Ingest, without_a_sequence_the_tail_knows_what_came) {
  Box box;
  const char* message = R"({"v":1,"sensor":"level","value":1.7,"unit":"m"})";
  box.send("alona/roof/telemetry/level", message, 11);
  box.send("alona/roof/telemetry/level", message, 12);
  (void)box.commit();
  box.restart();
  box.ingest->connected(true);
  box.send("alona/roof/telemetry/level", message, 11);
  box.send("alona/roof/telemetry/level", message, 12);
  box.send("alona/roof/telemetry/level", message, 13);
  (void)box.commit();
  EXPECT_EQ(box.exported().size(), 3u);
  EXPECT_EQ(box.counted().repeated, 2u);
}

// A sensor that says the same for years, and a broker that gives a packet id a second time: after a crash
// that threw it back to an old save, or because they have come round.
TEST(Ingest, what_comes_after_the_redelivery_is_new_whatever_its_packet_id) {
  Box box;
  const auto open = [&](std::uint16_t id) {
    box.send("alona/gate/telemetry/open", R"({"v":1,"sensor":"open","value":1,"unit":"1"})", id);
  };
  for (std::uint16_t id = 1; id <= 9; ++id) open(id);
  (void)box.commit();
  open(1);  // the same connection: the ids have come round
  (void)box.commit();
  EXPECT_EQ(box.exported().size(), 10u);

  box.ingest->connected(true);
  open(2), open(3);  // again
  box.send("alona/gate/telemetry/open", R"({"v":1,"sensor":"open","value":0,"unit":"1"})", 4);
  open(5);  // behind a new one nothing comes again
  (void)box.commit();
  EXPECT_EQ(box.counted().repeated, 2u);
  EXPECT_EQ(box.exported().size(), 12u);

  box.ingest->connected(true);
  open(6);
  box.clock.advance(Ms{limits::redelivery_quiet} + Ms{1});
  (void)box.commit();  // a card that is slow to commit is no quiet line
  open(7);
  box.clock.advance(Ms{limits::redelivery_quiet} + Ms{1});
  open(8);
  (void)box.commit();
  EXPECT_EQ(box.counted().repeated, 4u);
  EXPECT_EQ(box.exported().size(), 13u);

  box.ingest->connected(true);
  box.temperature(1, 21.5);  // new by its sequence
  open(9);
  (void)box.commit();
  EXPECT_EQ(box.exported().size(), 15u);

  box.ingest->connected(true);
  box.temperature(2, 21.5, 7, 1, 0);  // of QoS 0: it came beside the redelivery, not behind it
  open(9);
  (void)box.commit();
  EXPECT_EQ(box.counted().repeated, 5u);
  EXPECT_EQ(box.exported().size(), 16u);
}

TEST(Ingest, a_broker_without_our_session_begins_its_packet_ids_anew) {
  Box box;
  const char* message = R"({"v":1,"sensor":"level","value":1.7,"unit":"m"})";
  box.send("alona/roof/telemetry/level", message, 11);
  (void)box.commit();
  box.restart();
  box.ingest->connected(false);
  box.send("alona/roof/telemetry/level", message, 11);
  (void)box.commit();
  EXPECT_EQ(box.exported().size(), 2u);
  EXPECT_EQ(box.counted().repeated, 0u);
  // The commit that would have said so fails, and all is read from the disk again.
  box.ingest->connected(false);
  ASSERT_TRUE(box.ingest->load());
  box.send("alona/roof/telemetry/level", message, 11);
  (void)box.commit();
  EXPECT_EQ(box.exported().size(), 3u);
  box.restart();
  box.ingest->connected(true);
  box.send("alona/roof/telemetry/level", message, 11);
  (void)box.commit();
  EXPECT_EQ(box.exported().size(), 3u);
}

TEST(Ingest, a_bare_number_that_may_be_a_repeat_is_kept_and_marked) {
  Box box;
  box.send("alona/roof/telemetry/level", R"({"v":1,"sensor":"level","value":1.7,"unit":"m"})", 1);
  box.send("alona/roof/telemetry/level", "1.8", 2);
  (void)box.commit();
  box.ingest->connected(true);
  box.send("alona/roof/telemetry/level", "1.8", 2);
  (void)box.commit();
  const auto rows = box.exported();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[2].unit, "m");
  EXPECT_EQ(rows[1].flags & store::flag::replayed, 0);
  EXPECT_NE(rows[2].flags & store::flag::replayed, 0);
}

TEST(Ingest, the_same_time_again_is_a_repeat_or_a_correction) {
  Box box;
  const auto level = [&](double value, std::uint16_t id) {
    box.send("alona/roof/telemetry/level",
             fmt::format(R"({{"v":1,"sensor":"level","value":{},"unit":"m","ts":1795521600}})", value), id);
  };
  level(1, 1);
  level(1, 2);  // in the same commit
  (void)box.commit();
  level(1, 3);
  level(2, 4);
  level(2, 5);
  (void)box.commit();
  ASSERT_EQ(box.exported().size(), 1u);
  EXPECT_EQ(box.exported()[0].value, 2);
  EXPECT_EQ(box.counted().stored, 2u);
  EXPECT_EQ(box.counted().repeated, 3u);
  EXPECT_EQ(box.counted().corrected, 1u);
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
  box.clock.set_utc(UtcMs{});
  box.clock.set_trusted(false);
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

TEST(Ingest, a_refused_message_with_a_seq_is_settled) {
  Box box;
  box.send("alona/roof/telemetry/t",
           R"({"v":1,"sensor":"t","value":1e16,"unit":"C","boot":7,"seq":1,"low":1})");
  const Committed committed = box.commit();
  ASSERT_EQ(committed.acks.size(), 1u);
  EXPECT_EQ(committed.acks[0].seq, 1u);
}

TEST(Ingest, a_bad_topic_with_a_seq_is_settled) {
  Box box;
  box.temperature(1, 20);
  for (int times = 0; times < 2; ++times)
    box.send("alona/roof/telemetry/Temp",
             R"({"v":1,"sensor":"Temp","value":1,"unit":"C","boot":7,"seq":2,"low":1})");
  box.temperature(3, 20);
  const Committed committed = box.commit();
  ASSERT_EQ(committed.acks.size(), 1u);
  EXPECT_EQ(committed.acks[0].seq, 3u);
  EXPECT_EQ(box.counted().rejected, 1u);
  EXPECT_EQ(box.counted().repeated, 1u);
}

TEST(Ingest, an_old_copy_of_a_forgotten_boot_is_not_taken_again) {
  Box box;
  for (const std::uint32_t boot : {1u, 2u, 3u, 4u, 5u}) box.temperature(1, boot, boot);
  (void)box.commit();
  const auto copy = [&](std::uint32_t boot) {
    box.send("alona/roof/telemetry/temperature",
             fmt::format(
                 R"({{"v":1,"sensor":"temperature","value":1,"unit":"°C","boot":{},"seq":1,"low":1}})", boot),
             9, true);
    return box.commit();
  };
  EXPECT_TRUE(copy(1).acks.empty());  // forgotten
  EXPECT_TRUE(copy(2).acks.empty());  // known
  EXPECT_EQ(box.counted().stored, 5u);
  EXPECT_EQ(box.counted().rejected, 1u);
  EXPECT_EQ(box.counted().repeated, 1u);
  ASSERT_EQ(box.rejects().size(), 1u);
  EXPECT_EQ(box.rejects()[0].row.reason, "retained");
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
