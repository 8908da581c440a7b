// libFuzzer: any bytes on any topic are decoded or refused, and what comes back keeps the rules that decode.h
// promises. The first line of the input is the topic, the rest the payload. Seeds: tests/golden/protocol.
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "base/limits.h"
#include "protocol/decode.h"
#include "protocol/text.h"

namespace alona::protocol {
namespace {

void must(bool kept) {
  if (!kept) std::abort();
}

void check(const Refusal& why) {
  must(!why.detail.empty() && why.detail.size() <= 200 && valid_utf8(why.detail) && !has_control(why.detail));
}

void check(const Stamp& stamp) {
  if (stamp.ts) must(count(*stamp.ts) >= 0);
  if (stamp.sequence) must(stamp.sequence->low >= 1 && stamp.sequence->low <= stamp.sequence->seq);
}

void check(const Telemetry& telemetry) {
  must(telemetry.batch || telemetry.readings.size() == 1);
  must(telemetry.readings.size() + telemetry.refused.size() <= limits::batch_readings_max);
  for (const Reading& reading : telemetry.readings) {
    must(std::isfinite(reading.value) && std::abs(reading.value) <= limits::value_abs_max);
    must(valid_name(reading.sensor) && reading.unit.empty() == telemetry.bare);
    must(valid_utf8(reading.unit) && !has_control(reading.unit));
    must(!reading.age || *reading.age >= Ms{0});
  }
  for (const auto& refused : telemetry.refused) {
    check(refused.why);
    must(!refused.text.empty() && valid_utf8(refused.text));
  }
}

void check(const Event& event) {
  must(valid_name(event.type) && !event.data.empty() && event.data.size() <= limits::event_data_bytes_max);
}
void check(const Heartbeat& heartbeat) {
  must(heartbeat.uptime_s >= 0 && !has_control(heartbeat.firmware) && !has_control(heartbeat.reset));
}
void check(const Status& status) { must(!has_control(status.firmware)); }
void check(const NodeError& error) { must(!error.code.empty() && !has_control(error.code + error.message)); }

}  // namespace
}  // namespace alona::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace protocol = alona::protocol;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line_end = input.find('\n');
  if (line_end == std::string_view::npos) return 0;
  const auto topic = protocol::parse_topic(input.substr(0, line_end));
  if (!topic) return 0;
  const auto message = protocol::decode(*topic, input.substr(line_end + 1));
  if (!message) {
    protocol::check(message.error());
    return 0;
  }
  protocol::check(message->stamp);
  std::visit([](const auto& body) { protocol::check(body); }, message->body);
  return 0;
}
