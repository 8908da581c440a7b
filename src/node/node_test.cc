#include "node/node.h"

#include "node/sampler.h"
#include "node/test_world.h"

namespace alona::node {
namespace {

using testing::FakeCore;
using testing::FakePort;
using testing::Sent;
using testing::TestNode;

constexpr std::string_view ack_topic = "alona/roof/ack";

struct World : ::testing::Test {
  FakePort port;
  FakeCore core;
  // All that was sent since; the core acknowledges it if `acks`.
  std::vector<Sent> turn(Node& node, bool acks = true) {
    node.step();
    auto sent = std::exchange(port.sent, {});
    for (const Sent& message : sent) {
      const std::string ack = core.take(message);
      if (acks && !ack.empty()) node.on_message(ack_topic, ack, false);
    }
    return sent;
  }
  static std::size_t count(const std::vector<Sent>& sent, std::string_view topic) {
    return static_cast<std::size_t>(
        std::count_if(sent.begin(), sent.end(), [&](auto& m) { return m.topic == topic; }));
  }
};

TEST_F(World, a_node_greets_with_subscriptions_a_retained_status_and_leaves_a_last_will) {
  TestNode it{port};
  const auto sent = turn(it.node);
  EXPECT_EQ(port.filters,
            (std::vector<std::string>{"alona/core/status", "alona/core/time", "alona/roof/ack"}));
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent[0].topic, "alona/roof/status");
  EXPECT_TRUE(sent[0].retain);
  EXPECT_NE(sent[0].payload.find("\"online\""), std::string::npos);
  EXPECT_NE(port.will.find("alona/roof/status {\"v\":1,\"state\":\"offline\""), std::string::npos)
      << port.will;
}

TEST_F(World, a_live_reading_goes_alone_and_leaves_memory_when_it_is_acknowledged) {
  TestNode it{port};
  turn(it.node);
  it.node.record(0, 21.5);
  EXPECT_EQ(count(turn(it.node), "alona/roof/telemetry/temperature"), 1u);
  EXPECT_TRUE(it.node.idle());
  EXPECT_EQ(core.readings.at(0).value, 21.5);
  EXPECT_EQ(it.node.counts().acked, 1u);
}

TEST_F(World, what_gathered_while_away_goes_in_batches_with_its_age) {
  port.reachable = false;
  TestNode it{port};
  for (int i = 0; i < 400; ++i) {
    turn(it.node);
    it.node.record(0, i);
    port.now += 1000;
  }
  port.reachable = true;
  port.now += 300'000;
  const auto sent = turn(it.node);
  EXPECT_EQ(count(sent, "alona/roof/telemetry"), 3u);  // 170 a batch: a sixteenth of the ring
  ASSERT_EQ(core.readings.size(), 400u);
  EXPECT_EQ(core.readings[0].age, Ms{400'000 + 300'000});
  EXPECT_TRUE(it.node.idle());
}

TEST_F(World, nothing_is_repeated_before_its_time_and_everything_after_thirty_seconds) {
  TestNode it{port};
  turn(it.node);
  it.node.record(0, 1);
  EXPECT_EQ(turn(it.node, false).size(), 1u);
  port.now += 29'000;
  EXPECT_EQ(turn(it.node, false).size(), 0u);
  port.now += 1'000;
  EXPECT_EQ(turn(it.node).size(), 1u);
  EXPECT_EQ(core.repeats, 1u);
  EXPECT_EQ(core.readings.size(), 1u);
  EXPECT_TRUE(it.node.idle());
}

TEST_F(World, a_core_that_is_offline_hears_nothing_twice_until_it_comes_back) {
  TestNode it{port};
  turn(it.node);
  it.node.on_message("alona/core/status", R"({"v":1,"state":"offline"})", true);
  it.node.record(0, 1);
  EXPECT_EQ(count(turn(it.node, false), "alona/roof/telemetry/temperature"), 1u);
  port.now += 40'000;
  EXPECT_EQ(count(turn(it.node, false), "alona/roof/telemetry/temperature"), 0u);
  it.node.on_message("alona/core/status", R"({"v":1,"state":"online","version":"1"})", false);
  const auto sent = turn(it.node);
  EXPECT_EQ(count(sent, "alona/roof/status"), 1u);
  EXPECT_EQ(count(sent, "alona/roof/telemetry/temperature"), 1u);
}

TEST_F(World, a_resend_keeps_a_hundred_messages_a_second) {
  TestNode it{port};
  turn(it.node);
  for (int i = 0; i < 600; ++i) it.node.record(0, i), turn(it.node, false);
  EXPECT_EQ(it.node.counts().messages, limits::node_unacked_max + 1) << "and a heartbeat, acknowledged";
  port.state = Link::down;
  std::size_t resent = 0;
  turn(it.node, false);
  port.now += 2'000;
  for (int ms = 0; ms < 1000; ms += 10, port.now += 10) turn(it.node, false);
  resent = it.node.counts().resent;
  EXPECT_GE(resent, 95u);
  EXPECT_LE(resent, 115u);
  for (int ms = 0; ms < 8000; ms += 10, port.now += 10) turn(it.node, true);
  EXPECT_TRUE(it.node.idle());
  EXPECT_EQ(core.readings.size(), 600u);
}

TEST_F(World, a_full_ring_gives_up_the_oldest_says_so_and_never_blocks) {
  port.reachable = false;
  TestNode it{port, 100};
  it.node.event("opened", "null");
  for (int i = 0; i < 1000; ++i) it.node.record(0, i);
  EXPECT_EQ(it.node.counts().lost, 900u);
  port.reachable = true;
  port.now += 61'000;
  for (int i = 0; i < 10; ++i) turn(it.node), port.now += 2'000;
  ASSERT_EQ(core.readings.size(), 100u);
  EXPECT_EQ(core.readings[0].value, 900);
  EXPECT_EQ(core.others[1], "alona/roof/event/opened") << "events have their own share";
  EXPECT_EQ(core.boots.begin()->second.acked, it.node.counts().messages) << "what never left took no seq";
}

TEST_F(World, the_heartbeat_tells_what_was_lost) {
  port.reachable = false;
  TestNode it{port, 100};
  for (int i = 0; i < 142; ++i) it.node.record(0, i);
  port.reachable = true;
  port.now += 61'000;
  for (const Sent& message : turn(it.node)) {
    if (message.topic != "alona/roof/heartbeat") continue;
    EXPECT_NE(message.payload.find("\"lost\":42"), std::string::npos) << message.payload;
    return;
  }
  FAIL() << "no heartbeat";
}

TEST_F(World, sent_messages_that_the_ring_gives_up_move_low_so_that_the_core_goes_on) {
  TestNode it{port, 64};
  turn(it.node);
  for (int i = 0; i < 1000; ++i) it.node.record(0, i), turn(it.node, i >= 900);
  port.now += 40'000;
  turn(it.node);
  EXPECT_TRUE(it.node.idle());
  EXPECT_EQ(it.node.counts().lost + it.node.counts().acked, 1000u);
}

TEST_F(World, time_comes_from_the_core_only_when_it_knows) {
  TestNode it{port};
  turn(it.node, false);
  it.node.on_message("alona/core/time", R"({"v":1,"ts":1795545727.25,"quality":2})", false);
  EXPECT_FALSE(it.node.utc_ms(port.now));
  it.node.on_message("alona/core/time", R"({"v":1,"ts":1795545727.25,"quality":1})", false);
  EXPECT_EQ(it.node.utc_ms(port.now), 1'795'545'727'250);
  port.now += 10'000;
  it.node.record(0, 1);
  turn(it.node);
  EXPECT_EQ(core.readings.at(0).ts, utc_ms(1'795'545'737'250));
}

TEST_F(World, a_reading_taken_before_the_time_was_known_gets_it_when_sent) {
  TestNode it{port};
  it.node.record(0, 1);
  port.now += 5'000;
  port.utc = 1'795'545'727'000;
  turn(it.node);
  EXPECT_EQ(core.readings.at(0).ts, utc_ms(1'795'545'722'000));
}

TEST_F(World, waits_between_attempts_double_with_jitter_from_one_second_to_five_minutes) {
  port.reachable = false;
  TestNode it{port};
  for (int s = 0; s < 4000; ++s, port.now += 100) it.node.step();
  for (int s = 0; s < 4000; ++s, port.now += 1000) it.node.step();
  ASSERT_GT(port.attempts.size(), 12u);
  std::int64_t expected = 1000;
  for (std::size_t i = 1; i < port.attempts.size(); ++i) {
    const std::int64_t wait = port.attempts[i] - port.attempts[i - 1];
    EXPECT_GE(wait, expected / 2);
    EXPECT_LE(wait, expected + 2000);
    expected = std::min<std::int64_t>(expected * 2, 300'000);
  }
}

TEST_F(World, a_value_that_no_message_may_carry_is_refused_at_once) {
  TestNode it{port};
  EXPECT_FALSE(it.node.record(0, NAN));
  EXPECT_FALSE(it.node.record(0, 2e15));
  EXPECT_FALSE(it.node.record(2, 1));
  EXPECT_EQ(it.node.counts().refused, 3u);
  EXPECT_TRUE(it.node.readings_held() == 0);
}

TEST_F(World, a_large_batch_without_times_still_fits_when_it_is_sent_again_with_them) {
  port.reachable = false;
  TestNode it{port, 20'000};
  for (int i = 0; i < 5'000; ++i) it.node.record(0, i % 2);  // the shortest values grow most
  port.reachable = true;
  turn(it.node, false);
  port.state = Link::down;
  port.utc = 1'795'545'727'123;
  for (int i = 0; i < 100; ++i) turn(it.node), port.now += 500;
  EXPECT_TRUE(it.node.idle());
  EXPECT_EQ(core.readings.size(), 5'000u);
}

TEST_F(World, a_plain_node_sends_no_sequence_and_keeps_nothing) {
  TestNode it{port, 100, {.node_id = "roof", .plain = true}};
  it.node.record(0, 1);
  const auto sent = turn(it.node);
  EXPECT_EQ(sent.back().payload.find("seq"), std::string::npos);
  EXPECT_TRUE(it.node.idle());
}

TEST_F(World, a_failing_sensor_is_told_once_and_once_when_it_is_back) {
  struct Probe {
    bool works = false;
    double value = 5;
  } probe;
  TestNode it{port};
  Sampler sampler{0,
                  {.every_ms = 1000, .dead_band = 0.5, .silence_ms_max = 5000},
                  [](void* context, double& value) {
                    value = static_cast<Probe*>(context)->value;
                    return static_cast<Probe*>(context)->works;
                  },
                  &probe};
  for (int i = 0; i < 20; ++i, port.now += 1000) {
    if (i == 10) probe.works = true;
    if (i == 18) probe.value = 5.6;
    sampler.step(it.node, "temperature", port.now);
    turn(it.node);
  }
  EXPECT_EQ(std::count(core.others.begin(), core.others.end(), "alona/roof/error"), 2);
  EXPECT_EQ(core.readings.size(), 3u) << "the first, one after 5 s of silence, the change";
}

// Losses, hang-ups, a deaf core, restarts of the core, an overflowing ring, in any order.
TEST_F(World, whatever_is_lost_on_the_way_every_reading_arrives_exactly_once) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random{seed};
    const auto chance = [&](unsigned in) { return random() % in == 0; };
    port = FakePort{}, core = FakeCore{};
    TestNode it{port, seed % 3 == 0 ? std::size_t{200} : std::size_t{5000}};
    int value = 0;
    bool lossy = true;
    const auto run = [&](int steps) {
      for (int i = 0; i < steps; ++i, port.now += 1 + static_cast<std::int64_t>(random() % 400)) {
        if (lossy && chance(50)) port.state = Link::down;
        if (lossy) port.reachable = !chance(3), port.accepts = !chance(20);
        for (auto n = lossy ? random() % (chance(30) ? 300 : 4) : 0UL; n > 0; --n) it.node.record(0, value++);
        if (lossy && chance(40)) it.node.event("opened", "1");
        it.node.step();
        std::string ack;
        for (const Sent& message : std::exchange(port.sent, {}))
          if (!lossy || !chance(4)) ack = core.take(message);
        if (!ack.empty() && (!lossy || !chance(3))) it.node.on_message(ack_topic, ack, false);
        if (lossy && chance(60)) it.node.on_message("alona/core/status", R"({"state":"online"})", false);
      }
    };
    run(400);
    lossy = false, port.reachable = port.accepts = true;
    run(4000);
    ASSERT_TRUE(it.node.idle());
    std::set<double> once;
    for (const auto& reading : core.readings) ASSERT_TRUE(once.insert(reading.value).second) << reading.value;
    const Counts& counts = it.node.counts();
    EXPECT_EQ(counts.acked + counts.lost, counts.taken);
    EXPECT_GE(once.size() + counts.lost, counts.taken);
    EXPECT_EQ(core.boots.begin()->second.acked, counts.messages);
    if (seed % 3 != 0) {
      EXPECT_EQ(once.size(), counts.taken) << "nothing overflowed, nothing may miss";
      EXPECT_EQ(counts.lost, 0u);
    }
  }
}

// ---- where the broker is ----

const Settings by_name{.node_id = "roof", .broker_name = "alona.local", .broker_address = "192.168.1.2"};

TEST(Hosts, the_name_first_then_the_address_and_only_then_a_wait) {
  FakePort port;
  port.known = {"192.168.1.2"};
  TestNode one{port, 100, by_name};
  one.node.step();
  EXPECT_EQ(port.hosts, std::vector<std::string>{"alona.local"});
  one.node.step();
  EXPECT_EQ(port.hosts, (std::vector<std::string>{"alona.local", "192.168.1.2"})) << "in the same instant";
  EXPECT_EQ(port.state, Link::up);
  EXPECT_EQ(port.kept, "192.168.1.2");
  // Nobody answers any more: a round without a wait, then one.
  port.known = {"nobody"};
  port.state = Link::down;
  one.node.step();
  port.hosts.clear();
  for (int i = 0; i < 10; ++i) one.node.step();
  EXPECT_TRUE(port.hosts.empty()) << "the link broke: first the usual wait";
  port.now += 1'000;
  for (int i = 0; i < 10; ++i) one.node.step();
  EXPECT_EQ(port.hosts, (std::vector<std::string>{"alona.local", "192.168.1.2"})) << "each once";
}

TEST(Hosts, the_box_moved_the_name_finds_it_and_the_new_address_is_kept) {
  FakePort port;
  {
    TestNode one{port, 100, by_name};
    one.node.step();
    EXPECT_EQ(port.kept, "192.168.1.2");
    port.address = "192.168.1.77";
    port.state = Link::down;
    one.node.step();
    port.now += 1'000;
    one.node.step();
    EXPECT_EQ(port.state, Link::up);
  }
  EXPECT_EQ(port.kept, "192.168.1.77");
  EXPECT_EQ(port.kept_writes, 2);
  // After a restart, where no name answers: the address that worked last, before the one of its set-up.
  port.hosts.clear();
  port.state = Link::down;
  port.known = {"192.168.1.77"};
  Settings settings = by_name;
  const std::string kept = port.kept;
  settings.kept_address = kept;
  TestNode again{port, 100, settings};
  again.node.step(), again.node.step();
  EXPECT_EQ(port.hosts, (std::vector<std::string>{"alona.local", "192.168.1.77"}));
  EXPECT_EQ(port.kept_writes, 2) << "what is kept already isn't written again";
}

TEST(Hosts, without_any_the_port_knows_itself) {
  FakePort port;
  port.address.clear();
  TestNode one{port};
  one.node.step();
  EXPECT_EQ(port.state, Link::up);
  EXPECT_TRUE(port.hosts.empty());
  EXPECT_EQ(port.kept_writes, 0);
}

TEST(Hosts, an_address_too_long_to_keep_is_left) {
  Hosts hosts{"", ""};
  EXPECT_FALSE(hosts.remember(std::string(host_bytes_max + 1, '1')));
  EXPECT_TRUE(hosts.remember(std::string(host_bytes_max, '1')));
  EXPECT_EQ(hosts.next().size(), host_bytes_max);
  EXPECT_TRUE(hosts.round_over());
}

}  // namespace
}  // namespace alona::node
