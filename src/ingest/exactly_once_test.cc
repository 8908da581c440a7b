// Whatever a broker or a node sends again is known: by boot and seq, else by the tail of packet ids.
#include <random>

#include "ingest/test_box.h"
#include "ingest/window.h"

namespace alona::ingest {
namespace {

using Box = TestBox;

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

}  // namespace
}  // namespace alona::ingest
