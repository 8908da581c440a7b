#include "sim/sim.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "mqtt/test_broker.h"
#include "protocol/decode.h"

namespace alona::sim {
namespace {

using mqtt::testing::TestBroker;
constexpr auto patience = std::chrono::seconds{60};

// A core in a thread of its own: keeps each message once by boot and seq, acknowledges after every packet
// read.
class TinyCore : mqtt::Handler {
 public:
  explicit TinyCore(std::uint16_t port, std::size_t dies_after = 0) : port_(port), dies_after_(dies_after) {
    thread_ = std::thread{[this] { run(); }};
  }
  ~TinyCore() override { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

  struct Key {
    std::string series;
    std::int64_t ts_ms;
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, double> readings;  // after stop()
  std::size_t twice = 0, messages = 0, refused = 0, restarts = 0;

 private:
  struct Boot {
    std::uint32_t acked = 0;
    std::set<std::uint32_t> seen;
  };

  void run() {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!stop_ && std::chrono::steady_clock::now() < until) {
      if (!link_ || link_->fd() < 0) open();
      pollfd waiting{link_->fd(), POLLIN, 0};
      ::poll(&waiting, 1, 20);
      if (waiting.revents != 0 && !link_->read_some()) continue;
      if (dies_after_ > 0 && messages >= dies_after_ * (restarts + 1)) {
        ++restarts;
        link_->drop();  // as a killed process would, with nothing acknowledged
        continue;
      }
      for (const auto& [node, ack] : std::exchange(acks_, {}))
        (void)link_->publish("alona/" + node + "/ack", ack, 0, false);
      (void)link_->flush();
    }
    if (link_) link_->disconnect();
  }
  void open() {
    link_ = mqtt::make_connection({.port = port_, .client_id = "alona-core"}, *this).value();
    (void)link_->connect();
  }
  void on_connected(bool) override {
    (void)link_->subscribe("alona/+/telemetry/#", 1);
    for (const auto* rest : {"heartbeat", "event/+", "error", "status"})
      (void)link_->subscribe("alona/+/" + std::string(rest), 1);
    (void)link_->publish("alona/core/status", R"({"v":1,"state":"online"})", 1, true);
  }
  void on_disconnected(const Error&) override {}
  void on_message(const mqtt::Message& message) override {
    const auto topic = protocol::parse_topic(message.topic);
    if (!topic) return;
    const auto decoded = protocol::decode(*topic, message.payload);
    ++messages;
    if (!decoded) {
      ++refused;
      return;
    }
    const std::string node{topic->node};
    if (const auto& sequence = decoded->stamp.sequence) {
      Boot& boot = boots_[sequence->boot];
      boot.acked = std::max(boot.acked, sequence->low - 1);
      const bool fresh = sequence->seq > boot.acked && boot.seen.insert(sequence->seq).second;
      while (boot.seen.erase(boot.acked + 1) > 0) ++boot.acked;
      std::array<char, 200> out{};
      const auto size = protocol::encode_ack(out, sequence->boot, boot.acked, utc_ms(1'795'545'727'000),
                                             TimeQuality::receipt);
      acks_[node] = {out.data(), size};
      if (!fresh) return;
    }
    const auto* telemetry = std::get_if<protocol::Telemetry>(&decoded->body);
    if (telemetry == nullptr) return;
    for (const auto& reading : telemetry->readings)
      if (!readings
               .emplace(
                   Key{node + "/" + reading.sensor + " " + reading.unit, reading.ts ? count(*reading.ts) : 0},
                   reading.value)
               .second)
        ++twice;
  }

  const std::uint16_t port_;
  const std::size_t dies_after_;
  std::unique_ptr<mqtt::Connection> link_;
  std::map<std::uint32_t, Boot> boots_;
  std::map<std::string, std::string> acks_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

struct World : ::testing::Test {
  int run(SimOptions options) {
    options.port = broker.port();
    options.drain_s = 30;
    options.json = true;
    return run_sim(options, stop, out);
  }
  TestBroker broker;
  std::atomic<bool> stop{false};
  std::ostringstream out;
};

// Where the recordings lie: ALONA_DATA, else beside the project.
std::filesystem::path room_csv() {
  const char* folder = std::getenv("ALONA_DATA");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return (folder ? std::filesystem::path{folder}
                 : std::filesystem::path{ALONA_SOURCE_DIR} / "../shared/data") /
         "room.csv";
}

void expect_room(const std::map<TinyCore::Key, double>& readings) {
  const auto recording = read_csv(room_csv(), {}).value();
  ASSERT_EQ(recording.rows.size(), 17'895u);
  ASSERT_EQ(recording.columns.size(), 6u);
  std::size_t found = 0;
  for (const Row& row : recording.rows)
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      const Column& column = recording.columns[i];
      const auto at = readings.find({"replay-1/" + column.sensor + " " + column.unit, row.ts_ms});
      ASSERT_NE(at, readings.end()) << column.sensor << " " << row.ts_ms;
      ASSERT_EQ(std::bit_cast<std::uint64_t>(at->second), std::bit_cast<std::uint64_t>(row.values[i]));
      ++found;
    }
  EXPECT_EQ(found, readings.size());
}

TEST_F(World, a_recording_arrives_whole_and_equal_to_the_last_bit) {
  if (!std::filesystem::exists(room_csv())) GTEST_SKIP() << room_csv() << " is not there";
  TinyCore core{broker.port()};
  EXPECT_EQ(run({.speed = 0, .replay = room_csv()}), 0) << out.str();
  core.stop();
  EXPECT_EQ(core.refused, 0u);
  EXPECT_EQ(core.twice, 0u);
  expect_room(core.readings);
}

TEST_F(World, it_arrives_whole_through_a_core_that_keeps_dying_and_a_broker_that_restarts) {
  if (!std::filesystem::exists(room_csv())) GTEST_SKIP() << room_csv() << " is not there";
  TinyCore core{broker.port(), 150};
  int code = -1;
  std::thread nodes{[&] { code = run({.speed = 0, .replay = room_csv()}); }};
  for (int i = 0; i < 3; ++i) {
    ::poll(nullptr, 0, 300);  // a fault at any time, nothing to wait for
    broker.stop(SIGKILL);
    broker.start();
  }
  nodes.join();
  EXPECT_EQ(code, 0) << out.str();
  core.stop();
  EXPECT_GT(core.restarts, 0u);
  EXPECT_EQ(core.twice, 0u);
  expect_room(core.readings);
}

TEST_F(World, every_kind_of_node_speaks_the_protocol_and_their_faults_lose_nothing_but_memory) {
  TinyCore core{broker.port()};
  EXPECT_EQ(run({.nodes = 6,
                 .kind = "mixed",
                 .speed = 0,
                 .duration_s = 86'400,
                 .faults = {.clock_wrong = 0.3, .duplicate = 0.2}}),
            0)
      << out.str();
  core.stop();
  EXPECT_EQ(core.refused, 0u);
  EXPECT_EQ(core.twice, 0u);
  EXPECT_EQ(core.readings.size(), 2u * (8640 * 4 + 1440 * 3 + 8640 * 5));
}

TEST_F(World, broken_messages_are_refused_and_the_good_ones_beside_them_kept) {
  TinyCore core{broker.port()};
  EXPECT_EQ(run({.nodes = 2, .speed = 0, .messages = 5'000, .single = true, .faults = {.bad_payload = 0.3}}),
            0);
  core.stop();
  EXPECT_GT(core.refused, 100u);
  EXPECT_EQ(core.readings.size(), 5'000u);
}

TEST_F(World, without_a_core_it_says_what_is_pending) {
  stop = true;
  EXPECT_EQ(run({.speed = 0, .messages = 100}), 0) << "stopped before anything was measured";
  stop = false;
  SimOptions options{.speed = 0, .messages = 100, .json = true};
  options.port = broker.port();
  options.drain_s = 0.5;
  EXPECT_EQ(run_sim(options, stop, out), 1);
  EXPECT_NE(out.str().find("\"acked\":0,\"lost\":0,\"refused\":0,\"pending\":100"), std::string::npos)
      << out.str();
}

TEST(Options, mistakes_are_named) {
  std::ostringstream out;
  const std::atomic<bool> stop{false};
  EXPECT_EQ(run_sim({.speed = 0}, stop, out), 2);
  EXPECT_EQ(run_sim({.kind = "toaster"}, stop, out), 2);
  EXPECT_EQ(run_sim({.faults = {.duplicate = 7}}, stop, out), 2);
  EXPECT_EQ(run_sim({.replay = "/nowhere.csv"}, stop, out), 3) << out.str();
  const auto file = std::filesystem::path{::testing::TempDir()} / "bad.csv";
  std::ofstream{file} << "time,temperature_c\n2015-02-04 17:51:00,23.18\n2015-02-04 17:52:00,warm\n";
  const auto read = read_csv(file, {});
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().what.find("bad.csv:3: 'warm' is no number"), std::string::npos) << read.error().what;
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace alona::sim
