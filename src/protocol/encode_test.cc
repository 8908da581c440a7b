#include "protocol/encode.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "base/limits.h"
#include "protocol/decode.h"

namespace alona::protocol {
namespace {

using Buffer = std::array<char, limits::payload_bytes_max + 1000>;
constexpr std::uint32_t boot = 4'294'967'295;
const Stamp full{.ts = utc_ms(1'795'545'727'250),
                 .sequence = Stamp::Sequence{.boot = boot, .seq = 118, .low = 112}};

Message decoded(std::string_view topic, std::string_view payload) {
  const auto message = decode(*parse_topic(topic), payload);
  EXPECT_TRUE(message) << payload << (message ? "" : message.error().detail);
  return message.value_or(Message{});
}

void expect_full_stamp(const Stamp& stamp) {
  EXPECT_EQ(stamp.ts, full.ts);
  ASSERT_TRUE(stamp.sequence);
  EXPECT_EQ(stamp.sequence->boot, boot);
  EXPECT_EQ(stamp.sequence->seq, 118u);
  EXPECT_EQ(stamp.sequence->low, 112u);
}

std::string_view text(const Buffer& buffer, std::size_t size) { return {buffer.data(), size}; }

TEST(Encode, a_reading_comes_back_with_everything_it_carries) {
  Buffer out;
  const auto size = encode_reading(out, {.sensor = "level", .unit = "m\"³\\", .value = -0.1}, full);
  const Message message = decoded("alona/well/telemetry/level", text(out, size));
  expect_full_stamp(message.stamp);
  const auto& reading = std::get<Telemetry>(message.body).readings.at(0);
  EXPECT_EQ(reading.unit, "m\"³\\");
  EXPECT_EQ(reading.value, -0.1);
}

TEST(Encode, every_double_in_range_comes_back_to_the_last_bit) {
  std::mt19937_64 random{20260101};
  Buffer out;
  int tried = 0;
  for (int i = 0; i < 200'000; ++i) {
    const double value = i < 1000 ? (i - 500) / 10.0 : std::bit_cast<double>(random());
    const auto size = encode_reading(out, {.sensor = "x", .unit = "1", .value = value}, {});
    const bool sound = std::abs(value) <= limits::value_abs_max;
    ASSERT_EQ(size > 0, sound) << value;
    if (!sound || i % 10 != 0) continue;
    const Message message = decoded("alona/n/telemetry/x", text(out, size));
    const double back = std::get<Telemetry>(message.body).readings.at(0).value;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(value)) << value;
    ++tried;
  }
  EXPECT_GT(tried, 5'000);
}

TEST(Encode, every_millisecond_comes_back) {
  Buffer out;
  for (std::int64_t ms = 1'795'545'727'000; ms < 1'795'545'728'000; ++ms) {
    const auto size = encode_reading(out, {.sensor = "x", .unit = "1"}, {.ts = utc_ms(ms)});
    ASSERT_EQ(decoded("alona/n/telemetry/x", text(out, size)).stamp.ts, utc_ms(ms));
  }
}

TEST(Encode, a_batch_takes_what_fits_and_stays_whole) {
  Buffer out;
  for (const std::size_t room : {std::size_t{300}, std::size_t{5'000}, out.size()}) {
    BatchEncoder batch{std::span{out}.first(room), full};
    while (batch.add({.sensor = "temperature", .unit = "°C", .value = 20.5, .age = Ms{1500}})) {
    }
    const std::size_t count = batch.count();
    const std::size_t size = batch.finish();
    ASSERT_GT(size, 0u);
    EXPECT_LE(size, std::min(room, limits::payload_bytes_max));
    EXPECT_GT(size + 70, std::min(room, limits::payload_bytes_max))
        << "a whole reading more would have fitted";
    const Message message = decoded("alona/n/telemetry", text(out, size));
    expect_full_stamp(message.stamp);
    const auto& telemetry = std::get<Telemetry>(message.body);
    ASSERT_EQ(telemetry.readings.size(), count);
    EXPECT_TRUE(telemetry.refused.empty());
    EXPECT_EQ(telemetry.readings.back().age, Ms{1500});
  }
}

TEST(Encode, a_batch_never_holds_more_readings_than_allowed_nor_a_bad_one) {
  Buffer out;
  BatchEncoder batch{out, {}};
  EXPECT_FALSE(batch.add({.sensor = "a", .unit = "C", .value = std::numeric_limits<double>::quiet_NaN()}));
  EXPECT_EQ(BatchEncoder(out, {}).finish(), 0u);
  while (batch.add({.sensor = "a", .unit = "C", .value = 0})) {
  }
  EXPECT_EQ(batch.count(), limits::batch_readings_max);
  EXPECT_GT(batch.finish(), 0u);
}

TEST(Encode, the_other_messages_of_a_node_come_back) {
  Buffer out;
  auto size = encode_event(out, "opened", R"({"by":"remote"})", full);
  Message message = decoded("alona/n/event/opened", text(out, size));
  expect_full_stamp(message.stamp);
  EXPECT_EQ(std::get<Event>(message.body).data, R"({"by":"remote"})");

  size = encode_error(out, "sensor", "says \"no\"\\ ü", full);
  message = decoded("alona/n/error", text(out, size));
  EXPECT_EQ(std::get<NodeError>(message.body).message, "says \"no\"\\ ü");

  const HeartbeatView beat{.uptime_s = 86'400,
                           .rssi_dbm = -67,
                           .firmware = "sim 1",
                           .reset = "power",
                           .heap_bytes = 182'344,
                           .battery_v = 3.71,
                           .lost = 12};
  size = encode_heartbeat(out, beat, full);
  message = decoded("alona/n/heartbeat", text(out, size));
  const auto& heartbeat = std::get<Heartbeat>(message.body);
  EXPECT_EQ(heartbeat.uptime_s, 86'400);
  EXPECT_EQ(heartbeat.rssi_dbm, -67);
  EXPECT_EQ(heartbeat.firmware, "sim 1");
  EXPECT_EQ(heartbeat.heap_bytes, 182'344);
  EXPECT_EQ(heartbeat.battery_v, 3.71);
  EXPECT_EQ(heartbeat.reset, "power");

  size = encode_status(out, {.online = true, .firmware = "sim 1", .sleep_s = 900, .boot = boot}, full.ts);
  message = decoded("alona/n/status", text(out, size));
  const auto& status = std::get<Status>(message.body);
  EXPECT_TRUE(status.online);
  EXPECT_EQ(status.sleep_s, 900);
  EXPECT_EQ(status.boot, boot);
}

TEST(Encode, what_the_core_says_reads_as_documented) {
  Buffer out;
  const UtcMs now = *full.ts;
  EXPECT_EQ(text(out, encode_ack(out, 2893417022, 119, now, TimeQuality::receipt)),
            R"({"v":1,"boot":2893417022,"seq":119,"ts":1795545727.25,"quality":1})");
  EXPECT_EQ(text(out, encode_core_time(out, now, TimeQuality::provisional)),
            R"({"v":1,"ts":1795545727.25,"quality":2})");
  EXPECT_EQ(text(out, encode_core_status(out, true, "0.1.0")),
            R"({"v":1,"state":"online","version":"0.1.0"})");
}

TEST(Encode, a_control_character_is_escaped) {
  Buffer out;
  EXPECT_EQ(text(out, encode_error(out, "x", "a\n\x01z", {})),
            R"({"v":1,"code":"x","message":"a\u000a\u0001z"})");
}

TEST(Encode, a_buffer_too_small_by_any_number_of_bytes_gives_nothing_and_is_not_overrun) {
  Buffer out;
  const ReadingView reading{.sensor = "level", .unit = "m", .value = 2.41};
  const std::size_t needs = encode_reading(out, reading, full);
  for (std::size_t room = 0; room < needs; ++room) {
    out.fill('#');
    EXPECT_EQ(encode_reading(std::span{out}.first(room), reading, full), 0u);
    EXPECT_EQ(out[room], '#');
  }
  EXPECT_EQ(encode_reading(std::span{out}.first(needs), reading, full), needs);
  EXPECT_EQ(encode_event(out, "x", std::string(limits::event_data_bytes_max + 1, '1'), {}), 0u);
}

}  // namespace
}  // namespace alona::protocol
